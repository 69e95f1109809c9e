package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Operations on files and descriptors. Paths are relative to a descriptor wherever the kernel allows it. */
public final class FileOps {
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0100;
    private static final long FIFREEZE = 0xc0045877L;
    private static final long FITHAW = 0xc0045878L;
    public static final int O_EXCL = 0200;
    public static final int O_TRUNC = 01000;
    public static final int O_APPEND = 02000;
    public static final int O_NONBLOCK = 04000;
    public static final int O_PATH = 010000000;

    /** O_DIRECTORY and O_NOFOLLOW are among the few constants that differ between the architectures. */
    public static final int O_DIRECTORY = Native.ARCHITECTURE == Architecture.X86_64 ? 0200000 : 040000;

    public static final int O_NOFOLLOW = Native.ARCHITECTURE == Architecture.X86_64 ? 0400000 : 0100000;

    static final int O_CLOEXEC = 02000000;
    static final long AT_FDCWD = -100;
    static final long AT_EMPTY_PATH = 0x1000;

    /** Do not cross into another mount. */
    public static final long RESOLVE_NO_XDEV = 0x01;
    /** Do not follow links of /proc that lead anywhere. */
    public static final long RESOLVE_NO_MAGICLINKS = 0x02;
    /** Do not follow symlinks. */
    public static final long RESOLVE_NO_SYMLINKS = 0x04;
    /** Do not leave the starting directory. */
    public static final long RESOLVE_BENEATH = 0x08;
    /** Take the starting directory as the root: what would leave it ends there. */
    public static final long RESOLVE_IN_ROOT = 0x10;

    public static final int S_IFCHR = 0020000;

    private static final long F_DUPFD = 0;
    private static final long F_DUPFD_CLOEXEC = 1030;

    /** What has a lower number is a standard stream of some program. */
    private static final int LOWEST = 3;

    private static final long F_SETFD = 2;

    private static final int OPEN_HOW_SIZE = 24;

    private FileOps() {}

    /** {@code int openat(AT_FDCWD, const char *pathname, int flags)} openat(2). */
    public static Op open(String path, int flags) {
        return Op.opening(SystemCall.OPENAT, path, Arg.of(AT_FDCWD), Arg.text(path), Arg.of(flags | O_CLOEXEC));
    }

    /** {@code int openat(int dirfd, const char *pathname, int flags, mode_t mode)} openat(2). */
    public static Op openAt(Arg directory, String path, int flags, int mode) {
        return Op.opening(SystemCall.OPENAT, path, directory, Arg.text(path), Arg.of(flags | O_CLOEXEC), Arg.of(mode));
    }

    /**
     * {@code long openat2(int dirfd, const char *pathname, struct open_how *how, size_t size)} openat2(2).
     *
     * @param resolve {@code RESOLVE_*} flags
     */
    public static Op openBeneath(Arg directory, String path, int flags, long resolve) {
        return Op.opening(
                SystemCall.OPENAT2, path, directory, Arg.text(path), how(flags, resolve), Arg.of(OPEN_HOW_SIZE));
    }

    /** The same from the working directory, or from the root if the path is absolute. */
    public static Op openResolved(String path, int flags, long resolve) {
        return openBeneath(Arg.of(AT_FDCWD), path, flags, resolve);
    }

    /** {@code struct open_how { __u64 flags, mode, resolve; }}. */
    private static Arg how(int flags, long resolve) {
        ByteBuffer how = Arg.struct(OPEN_HOW_SIZE);
        how.putLong(0, flags | O_CLOEXEC).putLong(16, resolve);
        return new Arg.Bytes(how.array());
    }

    /** {@code int close(int fd)} close(2), of a descriptor that an earlier operation of the same list opened. */
    public static Op close(Op opened) {
        return Op.of(SystemCall.CLOSE, "", Arg.of(opened));
    }

    /** {@code ssize_t write(int fd, const void *buf, size_t count)} write(2). */
    public static Op write(Arg fd, String operands, byte[] bytes) {
        return Op.of(SystemCall.WRITE, operands, fd, new Arg.Bytes(bytes), Arg.of(bytes.length));
    }

    /** Writes an ASCII text, as control files take it. */
    public static Op write(Arg fd, String operands, String text) {
        return write(fd, operands, text.getBytes(StandardCharsets.US_ASCII));
    }

    /** {@code ssize_t read(int fd, void *buf, size_t count)} read(2). */
    public static Op read(Arg fd, Arg.Buffer buffer) {
        return Op.of(SystemCall.READ, "", fd, buffer, Arg.of(buffer.size()));
    }

    /** {@code ssize_t pread(int fd, void *buf, size_t count, off_t offset)} pread(2). */
    public static Op readAt(Arg fd, Arg.Buffer buffer, long offset) {
        return Op.of(SystemCall.PREAD64, "", fd, buffer, Arg.of(buffer.size()), Arg.of(offset));
    }

    /** {@code ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset)} pwrite(2). */
    public static Op writeAt(Arg fd, String operands, byte[] bytes, long offset) {
        return Op.of(SystemCall.PWRITE64, operands, fd, new Arg.Bytes(bytes), Arg.of(bytes.length), Arg.of(offset));
    }

    /** {@code int mkdirat(int dirfd, const char *pathname, mode_t mode)} mkdir(2); subject to the umask. */
    public static Op mkdir(Arg directory, String path, int mode) {
        return Op.of(SystemCall.MKDIRAT, path, directory, Arg.text(path), Arg.of(mode));
    }

    /** {@code int mknodat(int dirfd, const char *pathname, mode_t mode, dev_t dev)} mknod(2); subject to the umask. */
    public static Op mknod(Arg directory, String path, int mode, int major, int minor) {
        return Op.of(
                SystemCall.MKNODAT, path, directory, Arg.text(path), Arg.of(mode), Arg.of((long) major << 8 | minor));
    }

    /**
     * {@code int unlinkat(int dirfd, const char *pathname, int flags)} unlink(2).
     *
     * @param flags 0, or AT_REMOVEDIR (0x200)
     */
    public static Op unlink(Arg directory, String path, int flags) {
        return Op.of(SystemCall.UNLINKAT, path, directory, Arg.text(path), Arg.of(flags));
    }

    /** {@code int symlinkat(const char *target, int newdirfd, const char *linkpath)} symlink(2). */
    public static Op symlink(String target, Arg directory, String path) {
        return Op.of(SystemCall.SYMLINKAT, path, Arg.text(target), directory, Arg.text(path));
    }

    /** {@code int fchmodat(int dirfd, const char *pathname, mode_t mode)} chmod(2). */
    public static Op chmod(Arg directory, String path, int mode) {
        return Op.of(SystemCall.FCHMODAT, path, directory, Arg.text(path), Arg.of(mode));
    }

    /** {@code int fchownat(int dirfd, const char *pathname, uid_t owner, gid_t group, int flags)} chown(2). */
    public static Op chown(Arg directory, String path, int user, int group) {
        return Op.of(
                SystemCall.FCHOWNAT,
                path,
                directory,
                Arg.text(path),
                Arg.of(user),
                Arg.of(group),
                Arg.of(path.isEmpty() ? AT_EMPTY_PATH : 0x100)); // AT_SYMLINK_NOFOLLOW
    }

    /** {@code int chdir(const char *path)} chdir(2). */
    public static Op chdir(String path) {
        return Op.of(SystemCall.CHDIR, path, Arg.text(path));
    }

    /** {@code int fchdir(int fd)} chdir(2). */
    public static Op fchdir(Arg directory, String operands) {
        return Op.of(SystemCall.FCHDIR, operands, directory);
    }

    /** {@code int chroot(const char *path)} chroot(2). */
    public static Op chroot(String path) {
        return Op.of(SystemCall.CHROOT, path, Arg.text(path));
    }

    /** {@code mode_t umask(mode_t mask)} umask(2). */
    public static Op umask(int mask) {
        return Op.of(SystemCall.UMASK, "", Arg.of(mask));
    }

    /** {@code int dup3(int oldfd, int newfd, int flags)} dup(2): the target stays open over execve. */
    public static Op duplicate(Arg fd, int target) {
        return Op.of(SystemCall.DUP3, "to " + target, fd, Arg.of(target), Arg.of(0));
    }

    /** {@code int fcntl(int fd, F_DUPFD, int arg)} fcntl(2): a copy with the lowest number from one on that is free; it stays open. */
    public static Op duplicateFrom(Arg fd, int lowest) {
        return Op.of(SystemCall.FCNTL, "copy from " + lowest, fd, Arg.of(F_DUPFD), Arg.of(lowest));
    }

    /** {@code int fcntl(int fd, F_DUPFD_CLOEXEC, 3)} fcntl(2): another descriptor of the same open file. */
    public static Op copy(Arg fd, String operands) {
        return Op.opening(SystemCall.FCNTL, operands, fd, Arg.of(F_DUPFD_CLOEXEC), Arg.of(LOWEST));
    }

    /** {@code int dup3(int oldfd, int newfd, O_CLOEXEC)} dup(2). */
    public static Op copyTo(Arg fd, int target) {
        return Op.of(SystemCall.DUP3, "to " + target, fd, Arg.of(target), Arg.of(O_CLOEXEC));
    }

    /** {@code int fcntl(int fd, F_SETFD, 0)} fcntl(2): it stays open over execve. */
    public static Op keepOpen(Arg fd) {
        return Op.of(SystemCall.FCNTL, "keep open", fd, Arg.of(F_SETFD), Arg.of(0));
    }

    /** {@code int close_range(unsigned first, unsigned last, CLOSE_RANGE_CLOEXEC)} close_range(2). */
    public static Op closeOnExecFrom(int first) {
        return Op.of(SystemCall.CLOSE_RANGE, "from " + first, Arg.of(first), Arg.of(0xffff_ffffL), Arg.of(4));
    }

    /** {@code int ioctl(int fd, unsigned long op, ...)} ioctl(2). */
    public static Op ioctl(Arg fd, String operands, long request, Arg argument) {
        return Op.of(SystemCall.IOCTL, operands, fd, Arg.of(request), argument);
    }

    /** {@code int ioctl(int fd, FIFREEZE, 0)}: a file system, of which this is a directory, stands still; EBUSY if it does already. */
    public static Op freeze(Arg directory) {
        return ioctl(directory, "freeze", FIFREEZE, Arg.of(0));
    }

    /** {@code int ioctl(int fd, FITHAW, 0)}: it goes on; EINVAL if it does already. */
    public static Op thaw(Arg directory) {
        return ioctl(directory, "thaw", FITHAW, Arg.of(0));
    }

    /** {@code int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)} setxattr(2). */
    public static Op setAttribute(Arg fd, String name, byte[] value) {
        return Op.of(
                SystemCall.FSETXATTR, name, fd, Arg.text(name), new Arg.Bytes(value), Arg.of(value.length), Arg.of(0));
    }

    /** {@code ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)} getxattr(2). */
    public static Op getAttribute(Arg fd, String name, Arg.Buffer value) {
        return Op.of(SystemCall.FGETXATTR, name, fd, Arg.text(name), value, Arg.of(value.size()));
    }

    /** {@code int flock(int fd, LOCK_EX | LOCK_NB)} flock(2): EWOULDBLOCK if somebody else has the lock. */
    public static Op lock(Arg fd, String operands) {
        return Op.of(SystemCall.FLOCK, operands, fd, Arg.of(2 | 4));
    }
}
