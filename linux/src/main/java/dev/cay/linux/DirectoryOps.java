package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Operations on files by the bytes that name them: what a stranger has in his directories need not be text. A name given here
 * is without the NUL at its end. An empty one, where that is said, means the file that the descriptor itself is.
 */
public final class DirectoryOps {
    /** O_NOCTTY: a terminal that is opened does not become ours. */
    public static final int O_NOCTTY = 0400;

    public static final int S_IFIFO = 0010000;
    private static final int S_IFCHR = 0020000;

    private static final int AT_REMOVEDIR = 0x200;
    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int OPEN_HOW_SIZE = 24;

    private static final int DIRENT_LENGTH = 16;
    private static final int DIRENT_TYPE = 18;
    private static final int DIRENT_NAME = 19;
    private static final int DT_UNKNOWN = 0;
    private static final int DT_DIR = 4;

    private DirectoryOps() {}

    /**
     * A name in a directory.
     *
     * @param type what the directory says that it is: a {@code DT_*}, of which some file systems know only DT_UNKNOWN
     */
    public record Entry(byte[] name, int type) {
        public boolean isDirectory() {
            return type == DT_DIR;
        }

        public boolean isUnknown() {
            return type == DT_UNKNOWN;
        }
    }

    /** {@code long openat2(int dirfd, const char *pathname, struct open_how *how, size_t size)} openat2(2). */
    public static Op open(Arg directory, byte[] path, int flags, long resolve) {
        return open(directory, path, flags, 0, resolve);
    }

    /** The same with the mode of a file that O_CREAT makes, which is subject to the umask. */
    public static Op open(Arg directory, byte[] path, int flags, int mode, long resolve) {
        ByteBuffer how = Arg.struct(OPEN_HOW_SIZE);
        how.putLong(0, flags | FileOps.O_CLOEXEC).putLong(8, mode).putLong(16, resolve);
        return Op.opening(
                SystemCall.OPENAT2,
                Printable.text(path),
                directory,
                name(path),
                new Arg.Bytes(how.array()),
                Arg.of(OPEN_HOW_SIZE));
    }

    /** {@code int mkdirat(int dirfd, const char *pathname, mode_t mode)} mkdir(2); subject to the umask. */
    public static Op makeDirectory(Arg directory, byte[] name, int mode) {
        return Op.of(SystemCall.MKDIRAT, Printable.text(name), directory, name(name), Arg.of(mode));
    }

    /** {@code int mknodat(int dirfd, const char *pathname, S_IFIFO | mode, 0)} mknod(2); subject to the umask. */
    public static Op makeFifo(Arg directory, byte[] name, int mode) {
        return Op.of(
                SystemCall.MKNODAT, Printable.text(name), directory, name(name), Arg.of(S_IFIFO | mode), Arg.of(0));
    }

    /**
     * {@code int mknodat(int dirfd, const char *pathname, S_IFCHR, 0)} mknod(2): what says in a layer of an overlay that there is nothing
     * below it any more. Anybody may make such a device, which is none.
     */
    public static Op makeWhiteout(Arg directory, byte[] name) {
        return Op.of(SystemCall.MKNODAT, Printable.text(name), directory, name(name), Arg.of(S_IFCHR), Arg.of(0));
    }

    /**
     * {@code int mknodat(int dirfd, const char *pathname, mode_t mode, 0)} mknod(2) of what is no device; subject to the umask.
     *
     * @param mode its permissions, and what it is: a file, a FIFO or a socket
     */
    public static Op makeNode(Arg directory, byte[] name, int mode) {
        return Op.of(SystemCall.MKNODAT, Printable.text(name), directory, name(name), Arg.of(mode), Arg.of(0));
    }

    /** {@code int unlinkat(int dirfd, const char *pathname, 0)} unlink(2). */
    public static Op unlink(Arg directory, byte[] name) {
        return Op.of(SystemCall.UNLINKAT, Printable.text(name), directory, name(name), Arg.of(0));
    }

    /** {@code int unlinkat(int dirfd, const char *pathname, AT_REMOVEDIR)} unlink(2). */
    public static Op removeDirectory(Arg directory, byte[] name) {
        return Op.of(SystemCall.UNLINKAT, Printable.text(name), directory, name(name), Arg.of(AT_REMOVEDIR));
    }

    /** {@code int symlinkat(const char *target, int newdirfd, const char *linkpath)} symlink(2). */
    public static Op symlink(byte[] target, Arg directory, byte[] name) {
        return Op.of(SystemCall.SYMLINKAT, Printable.text(name), name(target), directory, name(name));
    }

    /** {@code ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t size)} readlink(2); the name may be empty. */
    public static Op readLink(Arg directory, byte[] name, Arg.Buffer target) {
        return Op.of(SystemCall.READLINKAT, Printable.text(name), directory, name(name), target, Arg.of(target.size()));
    }

    /** {@code int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, 0)} link(2): follows no link. */
    public static Op link(Arg oldDirectory, byte[] oldName, Arg newDirectory, byte[] newName) {
        return Op.of(
                SystemCall.LINKAT,
                Printable.text(newName),
                oldDirectory,
                name(oldName),
                newDirectory,
                name(newName),
                Arg.of(0));
    }

    /** {@code int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, 0)} rename(2). */
    public static Op rename(Arg oldDirectory, byte[] oldName, Arg newDirectory, byte[] newName) {
        return rename(oldDirectory, oldName, newDirectory, newName, 0);
    }

    /** The same with {@code RENAME_*} flags. */
    public static Op rename(Arg oldDirectory, byte[] oldName, Arg newDirectory, byte[] newName, int flags) {
        return Op.of(
                SystemCall.RENAMEAT2,
                Printable.text(newName),
                oldDirectory,
                name(oldName),
                newDirectory,
                name(newName),
                Arg.of(flags));
    }

    /**
     * {@code int fchownat(int fd, "", uid_t owner, gid_t group, AT_EMPTY_PATH)} chown(2), of the file that a descriptor of any
     * kind is.
     */
    public static Op changeOwner(Arg fd, String operands, long user, long group) {
        return Op.of(
                SystemCall.FCHOWNAT,
                operands,
                fd,
                name(new byte[0]),
                Arg.of(user),
                Arg.of(group),
                Arg.of(FileOps.AT_EMPTY_PATH));
    }

    /**
     * {@code int utimensat(int fd, "", const struct timespec times[2], AT_EMPTY_PATH)} utimensat(2), of the file that a
     * descriptor of any kind is. The time of the last access becomes the same.
     */
    public static Op changeTimes(Arg fd, String operands, long seconds, int nanoseconds) {
        return changeTimes(fd, operands, seconds, nanoseconds, seconds, nanoseconds);
    }

    /** The same with the time of the last access, which comes first; nanoseconds can be UTIME_NOW and UTIME_OMIT. */
    public static Op changeTimes(
            Arg fd, String operands, long accessed, int accessedNanoseconds, long modified, int modifiedNanoseconds) {
        ByteBuffer times = Arg.struct(32);
        times.putLong(0, accessed).putLong(8, accessedNanoseconds);
        times.putLong(16, modified).putLong(24, modifiedNanoseconds);
        return Op.of(
                SystemCall.UTIMENSAT,
                operands,
                fd,
                name(new byte[0]),
                new Arg.Bytes(times.array()),
                Arg.of(FileOps.AT_EMPTY_PATH));
    }

    /** {@code int statx(int dirfd, const char *pathname, int flags, unsigned mask, struct statx *)} statx(2): follows no link. */
    public static Op status(Arg directory, byte[] name, Arg.Buffer status) {
        return Op.of(
                SystemCall.STATX,
                Printable.text(name),
                directory,
                name(name),
                Arg.of(AT_SYMLINK_NOFOLLOW | (name.length == 0 ? FileOps.AT_EMPTY_PATH : 0)),
                Arg.of(FileStatus.STATX_BASIC_STATS),
                status);
    }

    /** {@code ssize_t getdents64(int fd, void *dirp, size_t count)} getdents(2): what comes next; 0 bytes at the end. */
    public static Op entries(Arg fd, Arg.Buffer entries) {
        return Op.of(SystemCall.GETDENTS64, "", fd, entries, Arg.of(entries.size()));
    }

    /**
     * What {@link #entries} wrote, without "." and "..".
     *
     * @param length how many bytes that was
     */
    public static List<Entry> entries(byte[] written, int length) {
        ByteBuffer buffer = ByteBuffer.wrap(written, 0, length).order(java.nio.ByteOrder.nativeOrder());
        List<Entry> entries = new ArrayList<>();
        int at = 0;
        while (length - at > DIRENT_NAME) {
            int size = Short.toUnsignedInt(buffer.getShort(at + DIRENT_LENGTH));
            if (size <= DIRENT_NAME || size > length - at) {
                throw new IllegalStateException("getdents64 returned an entry of " + size + " bytes");
            }
            int end = at + DIRENT_NAME;
            while (end < at + size && written[end] != 0) {
                end++;
            }
            byte[] name = Arrays.copyOfRange(written, at + DIRENT_NAME, end);
            if (!isDots(name)) {
                entries.add(new Entry(name, written[at + DIRENT_TYPE]));
            }
            at += size;
        }
        return entries;
    }

    private static boolean isDots(byte[] name) {
        return name.length == 1 && name[0] == '.' || name.length == 2 && name[0] == '.' && name[1] == '.';
    }

    private static Arg name(byte[] name) {
        for (byte one : name) {
            if (one == 0) {
                throw new IllegalArgumentException("a C string cannot contain NUL");
            }
        }
        return new Arg.Bytes(Arrays.copyOf(name, name.length + 1));
    }
}
