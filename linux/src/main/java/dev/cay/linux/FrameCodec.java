package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** The frames of one session with a stub as bytes, see design/002-stub.md. What comes is read by one thread at a time. */
final class FrameCodec {
    static final int HEADER_SIZE = 8;
    static final int MARK_SIZE = 4;
    static final int MAXIMUM_PAYLOAD = 32 * 1024;

    /** What stands behind each frame that goes to the stub of a machine; 0: it is none. */
    private final int mark;

    private byte[] unread = {};

    FrameCodec(int mark) {
        this.mark = mark;
    }

    boolean isMarked() {
        return mark != 0;
    }

    byte[] encode(int stream, int kind, int flags, byte[] payload, int offset, int length) {
        ByteBuffer frame = ByteBuffer.allocate(HEADER_SIZE + length + (mark == 0 ? 0 : MARK_SIZE))
                .order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(stream).put((byte) kind).put((byte) flags).putShort((short) length);
        frame.put(payload, offset, length);
        return mark == 0 ? frame.array() : frame.putInt(mark).array();
    }

    static byte[] integer(int value) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    /**
     * The frames that are whole now.
     *
     * @throws SyscallException EPROTO if there is one that is longer than any
     */
    List<StubConnection.Frame> decode(byte[] bytes) throws SyscallException {
        ByteBuffer buffer = ByteBuffer.allocate(unread.length + bytes.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(unread)
                .put(bytes)
                .flip();
        List<StubConnection.Frame> frames = new ArrayList<>();
        while (buffer.remaining() >= HEADER_SIZE) {
            int length = Short.toUnsignedInt(buffer.getShort(buffer.position() + 6));
            StubConnection.require(length <= MAXIMUM_PAYLOAD);
            if (buffer.remaining() < HEADER_SIZE + length) {
                break;
            }
            int stream = buffer.getInt();
            int kind = buffer.get();
            int flags = buffer.get();
            byte[] payload = new byte[length];
            buffer.getShort();
            buffer.get(payload);
            frames.add(new StubConnection.Frame(stream, kind, flags, payload, List.of()));
        }
        unread = new byte[buffer.remaining()];
        buffer.get(unread);
        return frames;
    }
}
