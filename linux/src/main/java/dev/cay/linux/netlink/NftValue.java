package dev.cay.linux.netlink;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/** Bytes that are compared with a packet's, or that a packet gets, at most 64. Immutable. */
public final class NftValue implements NftData, Comparable<NftValue> {
    private static final int NFT_DATA_VALUE_MAXLEN = 64;
    private static final int IFNAMSIZ = 16;

    private final byte[] bytes;

    private NftValue(byte[] bytes) {
        if (bytes.length == 0 || bytes.length > NFT_DATA_VALUE_MAXLEN) {
            throw new IllegalArgumentException("a value of " + bytes.length + " bytes");
        }
        this.bytes = bytes;
    }

    public static NftValue of(byte... bytes) {
        return new NftValue(bytes.clone());
    }

    public static NftValue of(InetAddress address) {
        return new NftValue(address.getAddress());
    }

    public static NftValue of(MacAddress address) {
        return new NftValue(address.bytes());
    }

    /** One byte. */
    public static NftValue u8(int value) {
        return new NftValue(new byte[] {(byte) checked(value, 0xff)});
    }

    /** Two bytes in the order of the network: a port, a type of Ethernet frames. */
    public static NftValue u16(int value) {
        int number = checked(value, 0xffff);
        return new NftValue(new byte[] {(byte) (number >> 8), (byte) number});
    }

    /** Four bytes in the order of the machine: a mark, the number of a link. */
    public static NftValue u32(int value) {
        return new NftValue(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
    }

    /** The name of a link. */
    public static NftValue link(String name) {
        LinkSettings.checkName(name);
        return new NftValue(Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), IFNAMSIZ));
    }

    /** Several values, as a key of several fields is made: each padded to four bytes. */
    public static NftValue concatenated(NftValue... fields) {
        ByteBuffer all = ByteBuffer.allocate(Arrays.stream(fields)
                .mapToInt(field -> MessageWriter.align(field.bytes.length))
                .sum());
        for (NftValue field : fields) {
            all.put(Arrays.copyOf(field.bytes, MessageWriter.align(field.bytes.length)));
        }
        return new NftValue(all.array());
    }

    private static int checked(int value, int maximum) {
        if (value < 0 || value > maximum) {
            throw new IllegalArgumentException(value + " is not between 0 and " + maximum);
        }
        return value;
    }

    public byte[] bytes() {
        return bytes.clone();
    }

    int length() {
        return bytes.length;
    }

    /** The next value, as a number in the order of the network; itself if there is no higher one. */
    NftValue next() {
        byte[] next = bytes.clone();
        for (int i = next.length - 1; i >= 0; i--) {
            if (++next[i] != 0) {
                return new NftValue(next);
            }
        }
        return this;
    }

    /** The value before; itself if there is no lower one. */
    NftValue previous() {
        byte[] previous = bytes.clone();
        for (int i = previous.length - 1; i >= 0; i--) {
            if (previous[i]-- != 0) {
                return new NftValue(previous);
            }
        }
        return this;
    }

    NftValue highest() {
        byte[] highest = new byte[bytes.length];
        Arrays.fill(highest, (byte) 0xff);
        return new NftValue(highest);
    }

    /** As numbers in the order of the network. */
    @Override
    public int compareTo(NftValue other) {
        return Arrays.compareUnsigned(bytes, other.bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof NftValue value && Arrays.equals(bytes, value.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes);
    }
}
