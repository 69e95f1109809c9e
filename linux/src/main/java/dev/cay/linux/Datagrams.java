package dev.cay.linux;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** UDP over IPv4 on one link, also before that has an address; see udp(7) and socket(7). No call of it blocks. */
public final class Datagrams {
    private static final long AF_INET = 2;
    private static final long SOCK_DGRAM = 2;
    private static final long SOCK_NONBLOCK = 04000;
    private static final long SOCK_CLOEXEC = 02000000;
    private static final long SOL_SOCKET = 1;
    private static final long SO_REUSEADDR = 2;
    private static final long SO_BROADCAST = 6;
    private static final long SO_BINDTODEVICE = 25;
    private static final int SOCKADDR_IN_SIZE = 16;
    private static final int PORT_AT = 2;
    private static final int ADDRESS_AT = 4;

    private Datagrams() {}

    /**
     * A socket that hears what comes to a port by one link, and sends by that link alone; it may send to all there. The first of the
     * list is the descriptor.
     *
     * @param link its name
     */
    public static List<Op> open(String link, int port) {
        Op socket = Op.opening(
                SystemCall.SOCKET,
                "AF_INET",
                Arg.of(AF_INET),
                Arg.of(SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC),
                Arg.of(0));
        byte[] name = (link + "\0").getBytes(StandardCharsets.UTF_8);
        byte[] yes = Arg.struct(Integer.BYTES).putInt(0, 1).array();
        return List.of(
                socket,
                option(socket, SO_BINDTODEVICE, name),
                option(socket, SO_REUSEADDR, yes),
                option(socket, SO_BROADCAST, yes),
                Op.of(
                        SystemCall.BIND,
                        "port " + port,
                        Arg.of(socket),
                        new Arg.Bytes(address(new byte[4], port)),
                        Arg.of(SOCKADDR_IN_SIZE)));
    }

    private static Op option(Op socket, long option, byte[] value) {
        return Op.of(
                SystemCall.SETSOCKOPT,
                "UDP " + option,
                Arg.of(socket),
                Arg.of(SOL_SOCKET),
                Arg.of(option),
                new Arg.Bytes(value),
                Arg.of(value.length));
    }

    private static byte[] address(byte[] address, int port) {
        ByteBuffer bytes = Arg.struct(SOCKADDR_IN_SIZE);
        bytes.putShort(0, (short) AF_INET);
        bytes.order(ByteOrder.BIG_ENDIAN).putShort(PORT_AT, (short) port);
        bytes.put(ADDRESS_AT, address);
        return bytes.array();
    }

    /**
     * {@code ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *, socklen_t)} sendto(2). That
     * nobody can be reached is a result.
     *
     * @param to an IPv4 address
     */
    public static Op send(Fd socket, byte[] content, InetAddress to, int port) {
        return Op.of(
                        SystemCall.SENDTO,
                        to.getHostAddress(),
                        Arg.of(socket),
                        new Arg.Bytes(content),
                        Arg.of(content.length),
                        Arg.of(0),
                        new Arg.Bytes(address(to.getAddress(), port)),
                        Arg.of(SOCKADDR_IN_SIZE))
                .tolerating(Errno.ENETUNREACH, Errno.ENETDOWN, Errno.EHOSTUNREACH, Errno.EAGAIN);
    }

    /**
     * {@code ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, NULL, NULL)} recv(2). That there is none, EAGAIN, or no link
     * at the moment, is a result.
     */
    public static Op receive(Fd socket, Arg.Buffer buffer) {
        return Op.of(
                        SystemCall.RECVFROM,
                        "UDP",
                        Arg.of(socket),
                        buffer,
                        Arg.of(buffer.size()),
                        Arg.of(0),
                        Arg.of(0),
                        Arg.of(0))
                .tolerating(Errno.EAGAIN, Errno.ENETDOWN);
    }
}
