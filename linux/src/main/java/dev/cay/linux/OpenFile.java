package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.List;

/** Operations on a file that has been opened for reading or writing, which no name is needed for. */
public final class OpenFile {
    private static final long SEEK_SET = 0;
    private static final long F_GETPIPE_SZ = 1032;
    private static final long RWF_APPEND = 0x10;

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
        return seek(fd, 0);
    }

    /** {@code off_t lseek(int fd, off_t offset, SEEK_SET)} lseek(2); in a directory, to where an entry said that the next one is. */
    public static Op seek(Arg fd, long offset) {
        return Op.of(SystemCall.LSEEK, "", fd, Arg.of(offset), Arg.of(SEEK_SET));
    }

    /** {@code int ftruncate(int fd, off_t length)} truncate(2). */
    public static Op truncate(Arg fd, String operands, long length) {
        return Op.of(SystemCall.FTRUNCATE, operands, fd, Arg.of(length));
    }

    /** {@code ssize_t pwritev2(int fd, const struct iovec *, 1, 0, 0, RWF_APPEND)} readv(2): writes at the end, wherever that is by now. */
    public static Op append(Arg fd, String operands, byte[] bytes) {
        ByteBuffer vector = Arg.struct(16);
        vector.putLong(8, bytes.length);
        Arg one = new Arg.Struct(vector.array(), List.of(new Arg.Pointer(0, bytes)));
        return Op.of(SystemCall.PWRITEV2, operands, fd, one, Arg.of(1), Arg.of(0), Arg.of(0), Arg.of(RWF_APPEND));
    }

    /** {@code int fstatfs(int fd, struct statfs *)} statfs(2), of a descriptor of any kind. */
    public static Op fileSystem(Arg fd, Arg.Buffer status) {
        return Op.of(SystemCall.FSTATFS, "", fd, status);
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
