package dev.cay.linux;

import java.nio.ByteBuffer;

/**
 * A pipe between this process and one that it makes.
 *
 * @param ours never blocks; the other side's mode is its own
 * @param theirs blocks, as programs expect
 */
public record Pipe(Fd ours, Fd theirs) implements AutoCloseable {
    private static final long F_SETFL = 4;
    private static final long F_SETPIPE_SZ = 1031;

    /** What an unprivileged process may have, and what bulk output is fastest with. */
    public static final int CAPACITY = 1 << 20;

    /** A pipe that this process reads. */
    public static Pipe reading() throws SyscallException {
        Fd[] ends = open();
        return new Pipe(nonBlocking(ends[0], FileOps.O_RDONLY), ends[1]);
    }

    /** A pipe that this process writes. */
    public static Pipe writing() throws SyscallException {
        Fd[] ends = open();
        return new Pipe(nonBlocking(ends[1], FileOps.O_WRONLY), ends[0]);
    }

    /** {@code int pipe2(int pipefd[2], int flags)} pipe(2). */
    private static Fd[] open() throws SyscallException {
        try (Scratch scratch = Scratch.borrow()) {
            int ends = scratch.allocate(8);
            Native.check(Native.call(SystemCall.PIPE2, scratch.address(ends), FileOps.O_CLOEXEC), SystemCall.PIPE2, "");
            return new Fd[] {
                new Fd(scratch.buffer().getInt(ends)), new Fd(scratch.buffer().getInt(ends + 4))
            };
        }
    }

    private static Fd nonBlocking(Fd fd, int access) {
        Native.call(SystemCall.FCNTL, fd.number(), F_SETFL, access | FileOps.O_NONBLOCK);
        return fd;
    }

    /** Makes room for bulk data; without effect where the user's pipes are already many. */
    public void enlarge() {
        Native.call(SystemCall.FCNTL, ours.number(), F_SETPIPE_SZ, CAPACITY);
    }

    /** Nothing was to be read, or there was no room: try again when {@link Poll} says so. */
    public static final int WOULD_BLOCK = -2;

    /** The other side is closed. */
    public static final int END = -1;

    /**
     * {@code ssize_t read(int fd, void *buf, size_t count)} read(2), from the position of a direct buffer to its limit.
     *
     * @return how many bytes, {@link #END} or {@link #WOULD_BLOCK}
     */
    public static int read(Fd fd, ByteBuffer direct) throws SyscallException {
        long count = Native.retried(SystemCall.READ, fd.number(), address(direct), direct.remaining(), 0, 0);
        if (count == -Errno.EAGAIN.number()) {
            return WOULD_BLOCK;
        }
        Native.check(count, SystemCall.READ, "pipe");
        direct.position(direct.position() + (int) count);
        return count == 0 ? END : (int) count;
    }

    /**
     * {@code ssize_t write(int fd, const void *buf, size_t count)} write(2), from the position of a direct buffer to its limit.
     * The JVM ignores SIGPIPE.
     *
     * @return how many bytes, {@link #END} or {@link #WOULD_BLOCK}
     */
    public static int write(Fd fd, ByteBuffer direct) throws SyscallException {
        long count = Native.retried(SystemCall.WRITE, fd.number(), address(direct), direct.remaining(), 0, 0);
        if (count == -Errno.EAGAIN.number()) {
            return WOULD_BLOCK;
        }
        if (count == -Errno.EPIPE.number()) {
            return END;
        }
        Native.check(count, SystemCall.WRITE, "pipe");
        direct.position(direct.position() + (int) count);
        return (int) count;
    }

    private static long address(ByteBuffer direct) {
        return Native.address(direct);
    }

    @Override
    public void close() {
        ours.close();
        theirs.close();
    }
}
