package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.List;

/** The interface {@code lo} of whatever network namespace a list runs in; see netdevice(7). */
public final class Loopback {
    private static final long AF_INET = 2;
    private static final long SOCK_DGRAM_CLOEXEC = 2 | 02000000;
    private static final long SIOCSIFFLAGS = 0x8914;
    private static final int IFREQ_SIZE = 40;
    private static final int IFREQ_FLAGS = 16;
    private static final short IFF_UP_RUNNING = 0x41;

    private Loopback() {}

    /** {@code int ioctl(int fd, SIOCSIFFLAGS, struct ifreq *)}: brings it up, by which the kernel gives it its addresses. */
    public static List<Op> up() {
        Op socket = Op.opening(SystemCall.SOCKET, "AF_INET", Arg.of(AF_INET), Arg.of(SOCK_DGRAM_CLOEXEC), Arg.of(0));
        ByteBuffer request = Arg.struct(IFREQ_SIZE);
        request.put(0, new byte[] {'l', 'o'}).putShort(IFREQ_FLAGS, IFF_UP_RUNNING);
        Op up = FileOps.ioctl(Arg.of(socket), "lo up", SIOCSIFFLAGS, new Arg.Bytes(request.array()));
        return List.of(socket, up, FileOps.close(socket));
    }
}
