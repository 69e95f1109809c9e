package dev.cay.linux;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Files of which most is not there: what nobody has written takes no space, and stays so when it is copied. */
public final class SparseFile {
    private static final long FICLONE = 0x40049409L;
    private static final long SEEK_DATA = 3;
    private static final long SEEK_HOLE = 4;

    private SparseFile() {}

    /**
     * Copies a file: its blocks are shared until somebody changes one, see ioctl_ficlonerange(2), where its file system can do that;
     * else what has been written is copied, see lseek(2).
     *
     * @param kernel of this process
     * @param from open for reading; its position is moved
     * @param to a file that is empty
     */
    public static void copy(Kernel kernel, Fd from, Path to) throws IOException {
        if (isShared(kernel, from, to)) {
            return;
        }
        try (FileChannel in = FileChannel.open(Path.of("/proc/self/fd/" + from.number()));
                FileChannel out = FileChannel.open(to, StandardOpenOption.WRITE)) {
            long size = in.size();
            for (long at = seek(kernel, from, 0, SEEK_DATA); at >= 0; at = seek(kernel, from, at, SEEK_DATA)) {
                long end = seek(kernel, from, at, SEEK_HOLE);
                out.position(at);
                while (at < end) {
                    long count = in.transferTo(at, end - at, out);
                    if (count <= 0) {
                        throw new IOException("it has become shorter");
                    }
                    at += count;
                }
            }
            if (out.size() < size) {
                Op open = FileOps.open(to.toString(), FileOps.O_WRONLY);
                kernel.run(OpList.of(
                        open,
                        Op.of(SystemCall.FTRUNCATE, to.toString(), Arg.of(open), Arg.of(size)),
                        FileOps.close(open)));
            }
        }
    }

    private static boolean isShared(Kernel kernel, Fd from, Path to) throws SyscallException {
        Op open = FileOps.open(to.toString(), FileOps.O_WRONLY);
        Op share = FileOps.ioctl(Arg.of(open), "clone", FICLONE, Arg.of(from))
                .tolerating(Errno.EOPNOTSUPP, Errno.EXDEV, Errno.EINVAL, Errno.ENOTTY);
        return !kernel.run(OpList.of(open, share, FileOps.close(open))).failed(share);
    }

    /** Where, from there on, it has something, or has nothing; -1 behind the last that it has. */
    private static long seek(Kernel kernel, Fd file, long from, long whence) throws SyscallException {
        Op seek = Op.of(SystemCall.LSEEK, "", Arg.of(file), Arg.of(from), Arg.of(whence))
                .tolerating(Errno.ENXIO);
        Results results = kernel.run(OpList.of(seek));
        return results.failed(seek) ? -1 : results.value(seek);
    }
}
