package dev.cay.linux.netlink;

import java.util.HexFormat;
import java.util.Locale;

/**
 * An Ethernet address, six bytes.
 *
 * @param value the bytes as a number, the first one the highest
 */
public record MacAddress(long value) {
    static final int ETH_ALEN = 6;

    public MacAddress {
        if (value < 0 || value >= 1L << 8 * ETH_ALEN) {
            throw new IllegalArgumentException("not an Ethernet address: " + Long.toHexString(value));
        }
    }

    /** Reads {@code 02:ca:00:00:00:01}, in either case. */
    public static MacAddress parse(String text) {
        if (!text.matches("[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")) {
            throw new IllegalArgumentException("not an Ethernet address: " + text);
        }
        return of(HexFormat.ofDelimiter(":").parseHex(text.toLowerCase(Locale.ROOT)));
    }

    /** @throws IllegalArgumentException if these are not six bytes */
    public static MacAddress of(byte[] bytes) {
        if (bytes.length != ETH_ALEN) {
            throw new IllegalArgumentException("an Ethernet address has six bytes, not " + bytes.length);
        }
        long value = 0;
        for (byte one : bytes) {
            value = value << 8 | one & 0xff;
        }
        return new MacAddress(value);
    }

    public byte[] bytes() {
        byte[] bytes = new byte[ETH_ALEN];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (value >> 8 * (ETH_ALEN - 1 - i));
        }
        return bytes;
    }

    @Override
    public String toString() {
        return HexFormat.ofDelimiter(":").formatHex(bytes());
    }
}
