package dev.cay.linux;

import java.nio.ByteBuffer;

/** Terminals that a program sees, with this process at the other end; see pty(7) and ioctl_tty(2). */
public final class Terminal {
    private static final long TIOCSCTTY = 0x540e;
    private static final long TIOCSWINSZ = 0x5414;
    private static final long TIOCGPTPEER = 0x5441;
    private static final long TIOCSPTLCK = 0x40045431;
    private static final int O_RDWR = 2;
    private static final int O_NOCTTY = 0400;
    private static final int O_CLOEXEC = 02000000;

    private Terminal() {}

    /** Opens a new terminal's master at the {@code ptmx} of a devpts that the list's process sees. */
    public static Op open(String ptmx) {
        return FileOps.openResolved(ptmx, O_RDWR | O_NOCTTY, FileOps.RESOLVE_NO_SYMLINKS);
    }

    /** {@code int ioctl(int fd, TIOCSPTLCK, int *lock)}: its other side may be opened. */
    public static Op unlock(Fd master) {
        return FileOps.ioctl(Arg.of(master), "unlock terminal", TIOCSPTLCK, new Arg.Bytes(new byte[4]));
    }

    /** {@code int ioctl(int fd, TIOCGPTPEER, int flags)}: the other side, without any path. */
    public static Op peer(Fd master) {
        return Op.opening(
                SystemCall.IOCTL,
                "peer of terminal",
                Arg.of(master),
                Arg.of(TIOCGPTPEER),
                Arg.of(O_RDWR | O_NOCTTY | O_CLOEXEC));
    }

    /** {@code int ioctl(int fd, TIOCSWINSZ, const struct winsize *)}: its size in characters. */
    public static Op resize(Fd terminal, int columns, int rows) {
        ByteBuffer size = Arg.struct(8);
        size.putShort(0, (short) rows).putShort(2, (short) columns);
        return FileOps.ioctl(Arg.of(terminal), "size of terminal", TIOCSWINSZ, new Arg.Bytes(size.array()));
    }

    /** {@code int ioctl(int fd, TIOCSCTTY, 0)}: it becomes the terminal of the session that the process leads. */
    public static Op makeControlling(int number) {
        return FileOps.ioctl(Arg.of(number), "controlling terminal", TIOCSCTTY, Arg.of(0));
    }
}
