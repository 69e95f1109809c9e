package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;

/**
 * What statx(2) says of a file. Ids are those of whoever asked.
 *
 * @param mode what it is and its permissions, as {@code st_mode}
 * @param deviceMajor together with the minor and the inode: which file it is
 */
public record FileStatus(
        int mode,
        long size,
        long user,
        long group,
        long links,
        Instant modified,
        int deviceMajor,
        int deviceMinor,
        long inode) {
    public static final int S_IFMT = 0170000;
    public static final int S_IFREG = 0100000;
    public static final int S_IFDIR = 0040000;
    public static final int S_IFLNK = 0120000;
    public static final int S_IFBLK = 0060000;
    public static final int S_IFSOCK = 0140000;

    /** How many bytes {@link DirectoryOps#status} writes: {@code struct statx}. */
    public static final int SIZE = 256;

    static final int STATX_BASIC_STATS = 0x7ff;

    private static final int AT_LINKS = 16;
    private static final int AT_USER = 20;
    private static final int AT_GROUP = 24;
    private static final int AT_MODE = 28;
    private static final int AT_INODE = 32;
    private static final int AT_SIZE = 40;
    private static final int AT_MODIFIED = 112;
    private static final int AT_MODIFIED_NANOSECONDS = 120;
    private static final int AT_DEVICE_MAJOR = 136;
    private static final int AT_DEVICE_MINOR = 140;

    /** Room for one. */
    public static Arg.Buffer room() {
        return new Arg.Buffer(SIZE);
    }

    /** What the kernel wrote. */
    public static FileStatus of(byte[] statx) {
        ByteBuffer buffer = ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder());
        return new FileStatus(
                Short.toUnsignedInt(buffer.getShort(AT_MODE)),
                buffer.getLong(AT_SIZE),
                Integer.toUnsignedLong(buffer.getInt(AT_USER)),
                Integer.toUnsignedLong(buffer.getInt(AT_GROUP)),
                Integer.toUnsignedLong(buffer.getInt(AT_LINKS)),
                time(buffer.getLong(AT_MODIFIED), buffer.getInt(AT_MODIFIED_NANOSECONDS)),
                buffer.getInt(AT_DEVICE_MAJOR),
                buffer.getInt(AT_DEVICE_MINOR),
                buffer.getLong(AT_INODE));
    }

    /** A file system of somebody else's making can say anything. */
    private static Instant time(long seconds, int nanoseconds) {
        return seconds < Instant.MIN.getEpochSecond() || seconds > Instant.MAX.getEpochSecond() - 3
                ? Instant.EPOCH
                : Instant.ofEpochSecond(seconds, Integer.toUnsignedLong(nanoseconds));
    }

    public int type() {
        return mode & S_IFMT;
    }

    /** 0 to 07777. */
    public int permissions() {
        return mode & ~S_IFMT;
    }

    public boolean isFile() {
        return type() == S_IFREG;
    }

    public boolean isDirectory() {
        return type() == S_IFDIR;
    }

    public boolean isLink() {
        return type() == S_IFLNK;
    }
}
