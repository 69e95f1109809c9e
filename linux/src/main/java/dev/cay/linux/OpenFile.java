package dev.cay.linux;

/** Operations on a file that has been opened for reading or writing, which no name is needed for. */
public final class OpenFile {
    private static final long SEEK_SET = 0;
    private static final long F_GETPIPE_SZ = 1032;

    private OpenFile() {}

    /** {@code int fchmod(int fd, mode_t mode)} chmod(2). */
    public static Op changeMode(Arg fd, String operands, int mode) {
        return Op.of(SystemCall.FCHMOD, operands, fd, Arg.of(mode));
    }

    /** {@code int fsync(int fd)} fsync(2). */
    public static Op sync(Arg fd, String operands) {
        return Op.of(SystemCall.FSYNC, operands, fd);
    }

    /** {@code off_t lseek(int fd, 0, SEEK_SET)} lseek(2). */
    public static Op rewind(Arg fd) {
        return Op.of(SystemCall.LSEEK, "", fd, Arg.of(0), Arg.of(SEEK_SET));
    }

    /** {@code int fcntl(int fd, F_GETPIPE_SZ)} fcntl(2): fails with EBADF if it is neither a pipe nor a FIFO. */
    public static Op requirePipe(Arg fd, String operands) {
        return Op.of(SystemCall.FCNTL, operands, fd, Arg.of(F_GETPIPE_SZ));
    }

    /** {@code ssize_t flistxattr(int fd, char *list, size_t size)} listxattr(2): names, each with a NUL behind it. */
    public static Op attributes(Arg fd, String operands, Arg.Buffer names) {
        return Op.of(SystemCall.FLISTXATTR, operands, fd, names, Arg.of(names.size()));
    }
}
