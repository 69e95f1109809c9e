package dev.cay;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;

/**
 * A block of addresses of one family, such as {@code 10.88.0.0/16}.
 *
 * @param address the first one; bits behind the prefix are cleared
 * @param prefix how many leading bits are the same for all, 0 to 32 or to 128
 */
public record Cidr(InetAddress address, int prefix) {
    private static final String HINT = "write 10.0.0.0/8, 192.0.2.1 or fd00::/8";

    public Cidr {
        requireNonNull(address, "address is null");
        byte[] bytes = address.getAddress();
        Check.that(
                prefix >= 0 && prefix <= bytes.length * 8,
                "the prefix length " + prefix + " is out of range",
                "0 to " + bytes.length * 8);
        address = Addresses.of(masked(bytes, prefix));
    }

    /**
     * Reads {@code 10.0.42.5/24}, which is {@code 10.0.42.0/24}, or an address alone.
     *
     * @throws SandboxException.InvalidSpec if it is anything else
     */
    public static Cidr parse(String text) {
        int slash = text.indexOf('/');
        String name = slash < 0 ? text : text.substring(0, slash);
        InetAddress address = Addresses.parse(name)
                .orElseThrow(() -> new SandboxException.InvalidSpec("'" + text + "' is no block of addresses", HINT));
        if (slash < 0) {
            return of(address);
        }
        String length = text.substring(slash + 1);
        Check.that(length.matches("0|[1-9][0-9]{0,2}"), "'" + text + "' is no block of addresses", HINT);
        return new Cidr(address, Integer.parseInt(length));
    }

    /** The block of one address. */
    public static Cidr of(InetAddress address) {
        return new Cidr(address, address.getAddress().length * 8);
    }

    private static byte[] masked(byte[] bytes, int prefix) {
        byte[] masked = bytes.clone();
        for (int i = 0; i < masked.length; i++) {
            int kept = Math.max(0, Math.min(8, prefix - 8 * i));
            masked[i] &= (byte) (0xff00 >> kept);
        }
        return masked;
    }

    /** Whether an address is in it; one of the other family never is. */
    public boolean contains(InetAddress other) {
        byte[] bytes = other.getAddress();
        return bytes.length == address.getAddress().length
                && Addresses.of(masked(bytes, prefix)).equals(address);
    }

    /** Whether all of another block is in it. */
    public boolean contains(Cidr other) {
        return other.prefix >= prefix && contains(other.address);
    }

    public boolean isIpv6() {
        return address.getAddress().length > 4;
    }

    /** As {@link #parse} reads it; a single address without its prefix. */
    @Override
    public String toString() {
        String text = Addresses.text(address);
        return prefix == address.getAddress().length * 8 ? text : text + "/" + prefix;
    }
}
