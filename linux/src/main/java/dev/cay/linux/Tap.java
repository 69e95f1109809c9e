package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Network devices whose frames somebody takes and gives by a descriptor; see the kernel's networking/tuntap.rst. */
public final class Tap {
    private static final long TUNSETIFF = 0x400454ca;
    private static final int IFF_TAP = 0x0002;
    private static final int IFF_NO_PI = 0x1000;
    private static final int IFF_VNET_HDR = 0x4000;
    private static final int IFF_TUN_EXCL = 0x8000;
    private static final int IFREQ_SIZE = 40;
    private static final int IFREQ_FLAGS = 16;

    private Tap() {}

    /** A descriptor that is no device yet. What it becomes is one of the network namespace in which this call is made. */
    public static Op open() {
        return FileOps.open("/dev/net/tun", FileOps.O_RDWR);
    }

    /**
     * {@code int ioctl(int fd, TUNSETIFF, struct ifreq *)}: the descriptor becomes a new device with one queue, whose frames have a
     * {@code struct virtio_net_hdr} before them. It lives as long as anybody has the descriptor open. EBUSY if there is a link of
     * that name.
     *
     * @param name 1 to 15 bytes
     */
    public static Op become(Arg descriptor, String name) {
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        if (bytes.length == 0 || bytes.length >= IFREQ_FLAGS) {
            throw new IllegalArgumentException("not a name for a link: '" + name + "'");
        }
        ByteBuffer request = Arg.struct(IFREQ_SIZE);
        request.put(0, bytes).putShort(IFREQ_FLAGS, (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL));
        return FileOps.ioctl(descriptor, "tap " + name, TUNSETIFF, new Arg.Bytes(request.array()));
    }
}
