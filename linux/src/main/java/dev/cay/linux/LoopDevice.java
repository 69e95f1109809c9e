package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Block devices whose content is a file; see loop(4). */
public final class LoopDevice {
    private static final long LOOP_CTL_GET_FREE = 0x4c82;
    private static final long LOOP_CONFIGURE = 0x4c0a;
    private static final long LOOP_GET_STATUS64 = 0x4c05;
    private static final int LO_FLAGS_AUTOCLEAR = 4;
    private static final long LOCK_EX = 2;

    private static final int CONFIG_SIZE = 304;
    private static final int CONFIG_FD = 0;
    private static final int CONFIG_FLAGS = 60;
    private static final int INFO_SIZE = 232;
    private static final int INFO_DEVICE = 0;
    private static final int INFO_INODE = 8;

    private LoopDevice() {}

    /**
     * Which file a device is made of.
     *
     * @param device its file system, as {@code st_dev} in the kernel's encoding
     */
    public record Backing(long device, long inode) {}

    /** {@code int ioctl(int fd, LOOP_CTL_GET_FREE)} on {@code /dev/loop-control}: the number of a device that nobody uses. */
    public static Op free(Arg control) {
        return FileOps.ioctl(control, "free loop device", LOOP_CTL_GET_FREE, Arg.of(0));
    }

    /**
     * {@code int ioctl(int fd, LOOP_CONFIGURE, const struct loop_config *)}: the device is the file until nobody has it open or
     * mounted any more. EBUSY if somebody else was faster.
     */
    public static Op configure(Arg device, String operands, Fd file) {
        ByteBuffer config = Arg.struct(CONFIG_SIZE);
        config.putInt(CONFIG_FD, file.number()).putInt(CONFIG_FLAGS, LO_FLAGS_AUTOCLEAR);
        return FileOps.ioctl(device, operands, LOOP_CONFIGURE, new Arg.Bytes(config.array()));
    }

    /** Room for {@link #status}. */
    public static Arg.Buffer statusRoom() {
        return new Arg.Buffer(INFO_SIZE);
    }

    /** {@code int ioctl(int fd, LOOP_GET_STATUS64, struct loop_info64 *)}: ENXIO if it is no file. */
    public static Op status(Arg device, String operands, Arg.Buffer status) {
        return FileOps.ioctl(device, operands, LOOP_GET_STATUS64, status);
    }

    /** What {@link #status} wrote. */
    public static Backing backing(byte[] status) {
        ByteBuffer buffer = ByteBuffer.wrap(status).order(ByteOrder.nativeOrder());
        return new Backing(buffer.getLong(INFO_DEVICE), buffer.getLong(INFO_INODE));
    }

    /** The number of a file system as the kernel writes it into a {@link Backing}: {@code huge_encode_dev}. */
    public static long device(int major, int minor) {
        return (minor & 0xffL) | (major & 0xfffL) << 8 | (minor & ~0xffL) << 12;
    }

    /** {@code int flock(int fd, LOCK_EX)} flock(2): waits for whoever has it. */
    public static Op lock(Arg file, String operands) {
        return Op.of(SystemCall.FLOCK, operands, file, Arg.of(LOCK_EX));
    }
}
