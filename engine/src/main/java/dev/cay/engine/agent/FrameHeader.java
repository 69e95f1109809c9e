package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What stands before a payload: {@code [u8 type][u32 LE length]}. One that exists is one that may be read: its type is known, and
 * its length fits that.
 *
 * @param length of the payload, in bytes
 */
record FrameHeader(FrameType type, int length) {
    static final int SIZE = 5;

    /** The longest payload of any frame on the wire. */
    static final int MAXIMUM_LENGTH = 16 << 20;

    FrameHeader {
        requireNonNull(type, "type is null");
        if (length < type.form().minimum() || length > type.form().maximum()) {
            throw new IllegalArgumentException(type + " of " + length + " bytes");
        }
    }

    /** Reads five bytes of a peer that may write anything. */
    static FrameHeader read(ByteBuffer bytes) throws RefusalException {
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        int code = Byte.toUnsignedInt(bytes.get());
        long length = Integer.toUnsignedLong(bytes.getInt());
        FrameType type = FrameType.of(code)
                .orElseThrow(
                        () -> new RefusalException("unsupported: there is no frame 0x" + Integer.toHexString(code)));
        FrameType.Form form = type.form();
        if (length < form.minimum() || length > form.maximum()) {
            throw new RefusalException(
                    type + " has " + form.minimum() + " to " + form.maximum() + " bytes, not " + length);
        }
        return new FrameHeader(type, (int) length);
    }

    void write(ByteBuffer bytes) {
        bytes.order(ByteOrder.LITTLE_ENDIAN).put((byte) type.code()).putInt(length);
    }
}
