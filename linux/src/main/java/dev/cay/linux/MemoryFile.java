package dev.cay.linux;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that exists only in memory, and only as long as somebody has it open: memfd_create(2). Thread-safe.
 *
 * <p>Once sealed its bytes are what they are for good, whoever has a descriptor; but it can still be opened for writing, and mapped
 * privately, by programs that insist on that.
 */
public final class MemoryFile implements AutoCloseable {
    private final Kernel kernel;
    private final Fd fd;
    private final long size;

    private MemoryFile(Kernel kernel, Fd fd, long size) {
        this.kernel = kernel;
        this.fd = fd;
        this.size = size;
    }

    /**
     * Makes one that can be written, full of zeros that take no memory.
     *
     * @param kernel of this process
     * @param size in bytes; what is written beyond makes it grow
     */
    public static MemoryFile create(Kernel kernel, String name, long size) throws SyscallException {
        Op create = Op.opening(
                SystemCall.MEMFD_CREATE, name, Arg.text(name), Arg.of(Program.MFD_CLOEXEC | Program.MFD_ALLOW_SEALING));
        return new MemoryFile(
                kernel,
                kernel.run(OpList.of(create, Op.of(SystemCall.FTRUNCATE, name, Arg.of(create), Arg.of(size))))
                        .fd(create),
                size);
    }

    /** The size that it was made with. */
    public long size() {
        return size;
    }

    /**
     * Nobody changes it any more.
     *
     * @throws SyscallException EBUSY if somebody has mapped it in order to write
     */
    public void seal() throws SyscallException {
        kernel.run(OpList.of(
                Op.of(SystemCall.FCNTL, "seals", Arg.of(fd), Arg.of(Program.F_ADD_SEALS), Arg.of(Program.ALL_SEALS))));
    }

    /** Opens it once more, with a position of its own. */
    public FileChannel open(StandardOpenOption... options) throws IOException {
        return FileChannel.open(Path.of("/proc/self/fd/" + fd.number()), options);
    }

    /** A descriptor for reading it from its beginning, to be given away. */
    public Fd reader() throws SyscallException {
        Op open = FileOps.open("/proc/self/fd/" + fd.number(), FileOps.O_RDONLY);
        return kernel.run(OpList.of(open)).fd(open);
    }

    /** A descriptor of it, to be given away. */
    public Fd copy() throws SyscallException {
        Op copy = FileOps.copy(Arg.of(fd), "memory");
        return kernel.run(OpList.of(copy)).fd(copy);
    }

    @Override
    public void close() {
        fd.close();
    }
}
