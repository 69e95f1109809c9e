package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The system calls of netlink sockets, see netlink(7). What is said over them is the affair of
 * {@code dev.cay.linux.netlink}.
 */
public final class NetlinkOps {
    private static final int AF_NETLINK = 16;
    private static final int SOCK_RAW = 3;
    private static final int SOCK_CLOEXEC = 02000000;
    private static final int O_CLOEXEC = 02000000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_SNDBUFFORCE = 32;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int SOL_NETLINK = 270;
    private static final int MSG_TRUNC = 0x20;
    private static final int MSG_DONTWAIT = 0x40;

    private NetlinkOps() {}

    /**
     * A place in a message where the number of a descriptor is to stand, four bytes.
     *
     * @param offset of the first of them
     */
    public record Slot(int offset, Fd fd) {
        public Slot {
            requireNonNull(fd, "fd is null");
            if (offset < 0) {
                throw new IllegalArgumentException("not an offset: " + offset);
            }
        }
    }

    /**
     * {@code int socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, int protocol)} socket(2). The socket belongs for good to
     * the network namespace in which this call is made.
     */
    public static Op open(int protocol) {
        return Op.opening(
                SystemCall.SOCKET,
                "AF_NETLINK " + protocol,
                Arg.of(AF_NETLINK),
                Arg.of(SOCK_RAW | SOCK_CLOEXEC),
                Arg.of(protocol));
    }

    /**
     * {@code int connect(int sockfd, const struct sockaddr_nl *addr, socklen_t addrlen)} connect(2), with the kernel:
     * gives the socket a port of its own, and nobody else's messages come in by it.
     */
    public static Op connect(Arg socket) {
        ByteBuffer address = Arg.struct(12); // struct sockaddr_nl { nl_family, nl_pad, nl_pid, nl_groups }
        address.putShort(0, (short) AF_NETLINK);
        return Op.of(SystemCall.CONNECT, "netlink", socket, new Arg.Bytes(address.array()), Arg.of(address.capacity()));
    }

    /** {@code int setsockopt(int sockfd, SOL_NETLINK, int option, const int *value, socklen_t)} setsockopt(2). */
    public static Op enable(Arg socket, int option) {
        return option(socket, SOL_NETLINK, option, 1);
    }

    /**
     * {@code int dup3(int oldfd, int newfd, O_CLOEXEC)} dup3(2): the process where this runs has the socket too, in place of a netlink
     * socket that may have had the number. Whatever else has it stays, and the list fails.
     *
     * @param option any of SOL_NETLINK that does no harm: nothing but a netlink socket takes it
     */
    public static List<Op> hold(Arg socket, int number, int option) {
        return List.of(
                enable(Arg.of(number), option).tolerating(Errno.EBADF),
                Op.of(SystemCall.DUP3, "to " + number, socket, Arg.of(number), Arg.of(O_CLOEXEC)));
    }

    /** How many bytes a message to the kernel may have; needs CAP_NET_ADMIN over the namespace, see socket(7). */
    public static Op sendBuffer(Arg socket, int bytes) {
        return option(socket, SOL_SOCKET, SO_SNDBUFFORCE, bytes);
    }

    /** How many bytes of answers may wait to be read; needs CAP_NET_ADMIN over the namespace, see socket(7). */
    public static Op receiveBuffer(Arg socket, int bytes) {
        return option(socket, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    }

    private static Op option(Arg socket, int level, int option, int value) {
        ByteBuffer number = Arg.struct(Integer.BYTES).putInt(0, value);
        return Op.of(
                SystemCall.SETSOCKOPT,
                "netlink " + option,
                socket,
                Arg.of(level),
                Arg.of(option),
                new Arg.Bytes(number.array()),
                Arg.of(Integer.BYTES));
    }

    /**
     * {@code ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, NULL, 0)} send(2). The kernel does what
     * the message asks for before the call returns.
     *
     * @param operands what the message is about, for the reader of an error message
     */
    public static Op send(Arg socket, String operands, byte[] message, List<Slot> descriptors) {
        byte[] bytes = message.clone();
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (Slot slot : descriptors) {
            buffer.putInt(slot.offset(), slot.fd().number());
        }
        return Op.of(
                SystemCall.SENDTO,
                operands,
                socket,
                new Arg.Bytes(bytes),
                Arg.of(bytes.length),
                Arg.of(0),
                Arg.of(0),
                Arg.of(0));
    }

    /**
     * {@code ssize_t recvfrom(int sockfd, void *buf, size_t len, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL)} recv(2): the
     * length of the next datagram, even if the buffer is smaller. EAGAIN, if none waits, is a result, and so is
     * ENOBUFS, if some were lost.
     */
    public static Op receive(Arg socket, Arg.Buffer buffer) {
        return Op.of(
                        SystemCall.RECVFROM,
                        "netlink",
                        socket,
                        buffer,
                        Arg.of(buffer.size()),
                        Arg.of(MSG_DONTWAIT | MSG_TRUNC),
                        Arg.of(0),
                        Arg.of(0))
                .tolerating(Errno.EAGAIN, Errno.ENOBUFS);
    }
}
