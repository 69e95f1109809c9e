package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Unix stream sockets over which descriptors travel with the bytes; see unix(7) and cmsg(3). None of them blocks. */
public final class UnixSocket {
    private static final long AF_UNIX = 1;
    private static final long SOCK_STREAM = 1;
    private static final long SOCK_NONBLOCK = 04000;
    private static final long SOCK_CLOEXEC = 02000000;
    private static final long SOL_SOCKET = 1;
    private static final long SCM_RIGHTS = 1;
    private static final long MSG_DONTWAIT = 0x40;
    private static final long MSG_NOSIGNAL = 0x4000;
    private static final long MSG_CTRUNC = 8;
    private static final long MSG_CMSG_CLOEXEC = 0x40000000;
    private static final long SHUT_RDWR = 2;
    private static final long TYPE = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

    /** {@code struct sockaddr_un}: the family and a path of at most 107 bytes. */
    private static final int ADDRESS_SIZE = 110;

    private static final int PATH_AT = 2;
    private static final long BACKLOG = 64;

    /** {@code struct msghdr} and {@code struct cmsghdr} of 64-bit architectures. */
    private static final int MSGHDR_SIZE = 56;

    private static final int MSG_IOV = 16;
    private static final int MSG_IOVLEN = 24;
    private static final int MSG_CONTROL = 32;
    private static final int MSG_CONTROLLEN = 40;
    private static final int MSG_FLAGS = 48;
    private static final int CMSGHDR_SIZE = 16;
    private static final int CMSG_LEVEL = 8;
    private static final int CMSG_TYPE = 12;

    /** As many as go with one message, far below what the kernel allows (253). */
    static final int MAXIMUM_DESCRIPTORS = 64;

    /** Nothing was to be read, or there was no room: try again when {@link Poll} says so. */
    public static final int WOULD_BLOCK = -2;

    /** The other side is closed. */
    public static final int END = -1;

    /** The most bytes of one message, so that it fits into reused memory. */
    public static final int CHUNK = 32 * 1024;

    private UnixSocket() {}

    /** {@code int socketpair(int domain, int type, int protocol, int sv[2])} socketpair(2). */
    public static List<Fd> pair() throws SyscallException {
        try (Scratch scratch = Scratch.borrow()) {
            int ends = scratch.allocate(8);
            Native.check(
                    Native.call(SystemCall.SOCKETPAIR, AF_UNIX, TYPE, 0, scratch.address(ends)),
                    SystemCall.SOCKETPAIR,
                    "");
            return List.of(
                    new Fd(scratch.buffer().getInt(ends)),
                    new Fd(scratch.buffer().getInt(ends + 4)));
        }
    }

    /** A socket that listens at a path, in a directory that only its owner may enter. */
    public static Fd listen(Kernel kernel, String path) throws SyscallException {
        return addressed(kernel, path, address -> {
            Op socket = socket();
            Op bind = Op.of(SystemCall.BIND, path, Arg.of(socket), address, Arg.of(ADDRESS_SIZE));
            Op listen = Op.of(SystemCall.LISTEN, path, Arg.of(socket), Arg.of(BACKLOG));
            return kernel.run(OpList.of(socket, bind, listen)).fd(socket);
        });
    }

    /**
     * Connects to a socket that listens at a path.
     *
     * @throws SyscallException ECONNREFUSED if nobody listens any more, ENOENT if there is no socket
     */
    public static Fd connect(Kernel kernel, String path) throws SyscallException {
        return addressed(kernel, path, address -> {
            Op socket = socket();
            Op connect = Op.of(SystemCall.CONNECT, path, Arg.of(socket), address, Arg.of(ADDRESS_SIZE));
            return kernel.run(OpList.of(socket, connect)).fd(socket);
        });
    }

    /**
     * Takes a connection, {@code int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)} accept(2).
     *
     * @throws SyscallException EAGAIN if nobody has come; {@link Poll} says when
     */
    public static Fd accept(Fd listener) throws SyscallException {
        long number = Native.retried(SystemCall.ACCEPT4, listener.number(), 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        return new Fd((int) Native.check(number, SystemCall.ACCEPT4, ""));
    }

    private interface Use {
        Fd of(Arg address) throws SyscallException;
    }

    /** A path that is too long for an address counts from its directory, which is open meanwhile. */
    private static Fd addressed(Kernel kernel, String path, Use use) throws SyscallException {
        if (path.getBytes(StandardCharsets.UTF_8).length < ADDRESS_SIZE - PATH_AT) {
            return use.of(address(path));
        }
        int slash = path.lastIndexOf('/');
        Op open = FileOps.open(path.substring(0, slash + 1), FileOps.O_PATH | FileOps.O_DIRECTORY);
        try (Fd directory = kernel.run(OpList.of(open)).fd(open)) {
            return use.of(address("/proc/self/fd/" + directory.number() + path.substring(slash)));
        }
    }

    private static Op socket() {
        return Op.opening(SystemCall.SOCKET, "AF_UNIX", Arg.of(AF_UNIX), Arg.of(TYPE), Arg.of(0));
    }

    private static Arg address(String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        if (bytes.length >= ADDRESS_SIZE - PATH_AT) {
            throw new IllegalArgumentException("too long for a socket: " + path);
        }
        ByteBuffer address = Arg.struct(ADDRESS_SIZE);
        address.putShort(0, (short) AF_UNIX).put(PATH_AT, bytes);
        return new Arg.Bytes(address.array());
    }

    /**
     * {@code ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)} sendmsg(2).
     *
     * @param length at most {@link #CHUNK}
     * @param descriptors go with the first of the bytes; at most {@link #MAXIMUM_DESCRIPTORS}
     * @return how many bytes were sent, {@link #END} or {@link #WOULD_BLOCK}
     */
    public static int send(Fd socket, byte[] bytes, int offset, int length, List<Fd> descriptors)
            throws SyscallException {
        int control = descriptors.isEmpty() ? 0 : CMSGHDR_SIZE + Scratch.align(Integer.BYTES * descriptors.size());
        try (Scratch scratch = Scratch.borrow(MSGHDR_SIZE + 16 + control + length + 8)) {
            ByteBuffer buffer = scratch.buffer();
            int message = message(scratch, control, length);
            if (control > 0) {
                int at = (int) (buffer.getLong(message + MSG_CONTROL) - scratch.address(0));
                buffer.putLong(at, CMSGHDR_SIZE + (long) Integer.BYTES * descriptors.size());
                buffer.putInt(at + CMSG_LEVEL, (int) SOL_SOCKET).putInt(at + CMSG_TYPE, (int) SCM_RIGHTS);
                for (int i = 0; i < descriptors.size(); i++) {
                    buffer.putInt(
                            at + CMSGHDR_SIZE + Integer.BYTES * i,
                            descriptors.get(i).number());
                }
            }
            buffer.put(data(scratch, message), bytes, offset, length);
            long count = Native.retried(
                    SystemCall.SENDMSG, socket.number(), scratch.address(message), MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
            return result(count, SystemCall.SENDMSG);
        }
    }

    /**
     * What was received.
     *
     * @param status {@link #END}, {@link #WOULD_BLOCK} or the number of bytes
     * @param descriptors came with the last of the bytes
     */
    record Received(int status, byte[] bytes, List<Fd> descriptors) {}

    /** {@code ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)} recvmsg(2). */
    static Received receive(Fd socket) throws SyscallException {
        int control = CMSGHDR_SIZE + Scratch.align(Integer.BYTES * MAXIMUM_DESCRIPTORS);
        try (Scratch scratch = Scratch.borrow()) {
            ByteBuffer buffer = scratch.buffer();
            int message = message(scratch, control, CHUNK);
            long count = Native.retried(
                    SystemCall.RECVMSG,
                    socket.number(),
                    scratch.address(message),
                    MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
                    0,
                    0);
            int received = result(count, SystemCall.RECVMSG);
            byte[] bytes = new byte[Math.max(0, received)];
            buffer.get(data(scratch, message), bytes);
            List<Fd> descriptors = received > 0 ? descriptors(scratch, message) : List.of();
            if (received > 0 && (buffer.getInt(message + MSG_FLAGS) & MSG_CTRUNC) != 0) {
                descriptors.forEach(Fd::close);
                throw new SyscallException("recvmsg", "too many descriptors", Errno.EPROTO.number());
            }
            return new Received(received == 0 ? END : received, bytes, descriptors);
        }
    }

    /** A message header with room behind it for control data and bytes: its position. */
    private static int message(Scratch scratch, int control, int length) {
        int message = scratch.allocate(MSGHDR_SIZE);
        int vector = scratch.allocate(16);
        int controlAt = scratch.allocate(control);
        ByteBuffer buffer = scratch.buffer();
        int data = controlAt + control;
        buffer.putLong(vector, scratch.address(data)).putLong(vector + 8, length);
        buffer.putLong(message + MSG_IOV, scratch.address(vector)).putLong(message + MSG_IOVLEN, 1);
        buffer.putLong(message + MSG_CONTROL, control == 0 ? 0 : scratch.address(controlAt));
        buffer.putLong(message + MSG_CONTROLLEN, control);
        return message;
    }

    private static int data(Scratch scratch, int message) {
        int vector = (int) (scratch.buffer().getLong(message + MSG_IOV) - scratch.address(0));
        return (int) (scratch.buffer().getLong(vector) - scratch.address(0));
    }

    private static List<Fd> descriptors(Scratch scratch, int message) {
        ByteBuffer buffer = scratch.buffer();
        List<Fd> descriptors = new ArrayList<>();
        if (buffer.getLong(message + MSG_CONTROLLEN) >= CMSGHDR_SIZE) {
            int at = (int) (buffer.getLong(message + MSG_CONTROL) - scratch.address(0));
            int count = (int) (buffer.getLong(at) - CMSGHDR_SIZE) / Integer.BYTES;
            for (int i = 0; i < count; i++) {
                descriptors.add(new Fd(buffer.getInt(at + CMSGHDR_SIZE + Integer.BYTES * i)));
            }
        }
        return descriptors;
    }

    /** {@code int shutdown(int sockfd, SHUT_RDWR)} shutdown(2): ends both directions for all who hold the socket. */
    static void shutdown(Fd socket) {
        Native.call(SystemCall.SHUTDOWN, socket.number(), SHUT_RDWR);
    }

    private static int result(long count, SystemCall call) throws SyscallException {
        if (count == -Errno.EAGAIN.number()) {
            return WOULD_BLOCK;
        }
        if (count == -Errno.EPIPE.number() || count == -Errno.ECONNRESET.number()) {
            return END;
        }
        return (int) Native.check(count, call, "the first process");
    }
}
