package dev.cay.engine.dns;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Writes a message. It may grow beyond what the transport can carry; who writes looks at its length. Not thread-safe. */
final class WireOutput {
    private static final int MAXIMUM_OFFSET = 0x3fff;

    private final Map<DnsName, Integer> names = new HashMap<>();
    private byte[] bytes = new byte[512];
    private int length;

    int length() {
        return length;
    }

    private void room(int more) {
        if (more > bytes.length - length) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
        }
    }

    WireOutput u8(int value) {
        room(1);
        bytes[length++] = (byte) value;
        return this;
    }

    WireOutput u16(int value) {
        return u8(value >> 8).u8(value);
    }

    WireOutput u32(long value) {
        return u16((int) (value >> 16)).u16((int) value);
    }

    WireOutput bytes(byte[] value) {
        room(value.length);
        System.arraycopy(value, 0, bytes, length, value.length);
        length += value.length;
        return this;
    }

    /** A name as it is, or a pointer to it if it has been written before. */
    WireOutput name(DnsName name) {
        Integer before = names.get(name);
        if (before != null) {
            return u16(0xc000 | before);
        }
        if (length <= MAXIMUM_OFFSET && name.length() > 2) {
            names.put(name, length);
        }
        name.write(this);
        return this;
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes, length);
    }
}
