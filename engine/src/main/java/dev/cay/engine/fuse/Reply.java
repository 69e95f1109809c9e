package dev.cay.engine.fuse;

import dev.cay.linux.Errno;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** An answer, of {@code struct fuse_out_header} and what is put behind it. Not thread-safe. */
final class Reply {
    static final int HEADER_SIZE = 16;

    private static final int UNKNOWN = 512;

    private final ByteBuffer buffer;

    /** @param room for what is put into it */
    Reply(int room) {
        buffer = ByteBuffer.allocate(HEADER_SIZE + room).order(ByteOrder.LITTLE_ENDIAN);
        buffer.position(HEADER_SIZE);
    }

    /** One that says no more than that it was done. */
    static Reply empty() {
        return new Reply(0);
    }

    Reply number(int value) {
        buffer.putInt(value);
        return this;
    }

    Reply small(int value) {
        buffer.putShort((short) value);
        return this;
    }

    Reply large(long value) {
        buffer.putLong(value);
        return this;
    }

    Reply bytes(byte[] bytes, int length) {
        buffer.put(bytes, 0, length);
        return this;
    }

    /** Zeros. */
    Reply skip(int bytes) {
        buffer.position(buffer.position() + bytes);
        return this;
    }

    int remaining() {
        return buffer.remaining();
    }

    /** The message. */
    byte[] to(long unique) {
        int length = buffer.position();
        buffer.putInt(0, length).putLong(8, unique);
        return length == buffer.capacity() ? buffer.array() : Arrays.copyOf(buffer.array(), length);
    }

    /** @param errno one that no FUSE knows becomes EIO */
    static byte[] error(int errno, long unique) {
        int known = errno > 0 && errno < UNKNOWN ? errno : Errno.EIO.number();
        ByteBuffer error = ByteBuffer.allocate(HEADER_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        return error.putInt(HEADER_SIZE).putInt(-known).putLong(unique).array();
    }
}
