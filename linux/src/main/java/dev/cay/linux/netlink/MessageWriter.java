package dev.cay.linux.netlink;

import dev.cay.linux.Fd;
import dev.cay.linux.NetlinkOps;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Writes the body of a message: a struct and attributes behind it, each padded to four bytes. Numbers are in the
 * machine's order, which is little, unless the method says "network". Not thread-safe.
 */
final class MessageWriter {
    private static final int NLA_F_NESTED = 0x8000;
    private static final int NLA_ALIGNTO = 4;
    private static final int NLA_HDRLEN = 4;
    private static final int MAXIMUM_ATTRIBUTE = 0xffff;
    private static final int MAXIMUM_ATTRIBUTE_TYPE = 0x3fff;

    private final List<NetlinkOps.Slot> descriptors = new ArrayList<>();
    private final NavigableMap<Integer, Object> parts = new TreeMap<>();
    private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);

    static int align(int size) {
        return size + NLA_ALIGNTO - 1 & -NLA_ALIGNTO;
    }

    private ByteBuffer room(int bytes) {
        if (buffer.remaining() < bytes) {
            int needed = Math.addExact(buffer.position(), bytes);
            buffer = ByteBuffer.allocate(Math.max(needed, 2 * buffer.capacity()))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(buffer.flip());
        }
        return buffer;
    }

    MessageWriter u8(int value) {
        room(1).put((byte) value);
        return this;
    }

    MessageWriter u16(int value) {
        room(2).putShort((short) value);
        return this;
    }

    MessageWriter networkU16(int value) {
        return u16(Short.reverseBytes((short) value));
    }

    MessageWriter u32(int value) {
        room(4).putInt(value);
        return this;
    }

    MessageWriter attribute(int type, byte[] value) {
        header(type, value.length);
        room(align(value.length)).put(value);
        return padded();
    }

    /** A C string. */
    MessageWriter text(int type, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        header(type, bytes.length + 1);
        room(align(bytes.length + 1)).put(bytes).put((byte) 0);
        return padded();
    }

    MessageWriter attribute8(int type, int value) {
        header(type, 1);
        return u8(value).padded();
    }

    MessageWriter attribute32(int type, int value) {
        header(type, 4);
        return u32(value);
    }

    MessageWriter network16(int type, int value) {
        header(type, 2);
        return networkU16(value).padded();
    }

    MessageWriter network32(int type, int value) {
        return attribute32(type, Integer.reverseBytes(value));
    }

    MessageWriter network64(int type, long value) {
        header(type, 8);
        room(8).putLong(Long.reverseBytes(value));
        return this;
    }

    /** The number of a descriptor, filled in when the message becomes an operation. */
    MessageWriter descriptor(int type, Fd fd) {
        header(type, 4);
        descriptors.add(new NetlinkOps.Slot(buffer.position(), fd));
        return u32(-1);
    }

    /** An attribute that holds attributes, which are there already as bytes. */
    MessageWriter nested(int type, byte[] value) {
        return attribute(type | NLA_F_NESTED, value);
    }

    /** An attribute that holds attributes. */
    MessageWriter nest(int type, Consumer<MessageWriter> content) {
        int start = buffer.position();
        header(type | NLA_F_NESTED, 0);
        content.accept(this);
        int length = buffer.position() - start;
        if (length > MAXIMUM_ATTRIBUTE) {
            throw new IllegalArgumentException("attribute " + type + " would have " + length + " bytes");
        }
        buffer.putShort(start, (short) length);
        return this;
    }

    private void header(int type, int length) {
        if (length > MAXIMUM_ATTRIBUTE - NLA_HDRLEN || (type & ~NLA_F_NESTED) > MAXIMUM_ATTRIBUTE_TYPE) {
            throw new IllegalArgumentException("attribute " + type + " would have " + length + " bytes");
        }
        room(NLA_HDRLEN).putShort((short) (NLA_HDRLEN + length)).putShort((short) type);
    }

    private MessageWriter padded() {
        while ((buffer.position() & NLA_ALIGNTO - 1) != 0) {
            u8(0);
        }
        return this;
    }

    /** Says what the bytes from here on are about, for the message of an error that is found there. */
    MessageWriter part(Object part) {
        parts.put(buffer.position(), part);
        return this;
    }

    NavigableMap<Integer, Object> parts() {
        return new TreeMap<>(parts);
    }

    /** How many bytes have been written. */
    int size() {
        return buffer.position();
    }

    byte[] bytes() {
        byte[] bytes = new byte[buffer.position()];
        buffer.get(0, bytes);
        return bytes;
    }

    List<NetlinkOps.Slot> descriptors() {
        return List.copyOf(descriptors);
    }
}
