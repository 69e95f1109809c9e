package dev.cay.linux.netlink;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * A block of addresses, {@code 10.88.0.0/16}: the bits behind the prefix are zero.
 *
 * @param length of the prefix in bits: 0 to 32, or to 128
 */
public record IpPrefix(InetAddress address, int length) {
    public IpPrefix {
        byte[] bytes = address.getAddress();
        if (length < 0 || length > bytes.length * 8) {
            throw new IllegalArgumentException("not a prefix length: " + length);
        }
        if (!Arrays.equals(bytes, masked(bytes, length, 0))) {
            throw new IllegalArgumentException(
                    address.getHostAddress() + "/" + length + " has bits set behind the prefix");
        }
    }

    /** The block of a length that holds an address. */
    public static IpPrefix containing(InetAddress address, int length) {
        if (length < 0 || length > address.getAddress().length * 8) {
            throw new IllegalArgumentException("not a prefix length: " + length);
        }
        return new IpPrefix(address(masked(address.getAddress(), length, 0)), length);
    }

    public InetAddress first() {
        return address;
    }

    public InetAddress last() {
        return address(masked(address.getAddress(), length, 0xff));
    }

    public boolean contains(InetAddress other) {
        byte[] bytes = other.getAddress();
        return bytes.length == address.getAddress().length
                && Arrays.equals(masked(bytes, length, 0), address.getAddress());
    }

    private static byte[] masked(byte[] bytes, int length, int rest) {
        byte[] masked = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            int kept = 0xff00 >> Math.clamp(length - 8L * i, 0, 8) & 0xff;
            masked[i] = (byte) (bytes[i] & kept | rest & ~kept);
        }
        return masked;
    }

    private static InetAddress address(byte[] bytes) {
        try {
            return Families.address(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // it has the length of another address
        }
    }

    @Override
    public String toString() {
        return address.getHostAddress() + "/" + length;
    }
}
