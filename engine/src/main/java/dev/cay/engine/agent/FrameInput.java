package dev.cay.engine.agent;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What a peer sends. It takes memory for what has come, never for what is announced. For one thread.
 */
final class FrameInput {
    private static final int BUFFER = 8 * 1024;

    private final ReadableByteChannel channel;
    private final Activity activity;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER).limit(0);
    private int left;

    FrameInput(ReadableByteChannel channel) {
        this(channel, new Activity());
    }

    /** @param activity is told how many bytes of frames have come */
    FrameInput(ReadableByteChannel channel, Activity activity) {
        this.channel = channel;
        this.activity = activity;
    }

    /**
     * A line without its end; empty if the peer has left.
     *
     * @throws RefusalException if it is longer
     */
    Optional<String> line(int maximum) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (true) {
            if (!buffer.hasRemaining() && !fill()) {
                return Optional.empty();
            }
            byte next = buffer.get();
            if (next == '\n') {
                return Optional.of(line.toString(StandardCharsets.UTF_8));
            }
            if (line.size() == maximum) {
                throw new RefusalException("a line is longer than " + maximum + " bytes");
            }
            line.write(next);
        }
    }

    /**
     * The header of the next frame; empty if the peer has left. All of the payload before it must have been read.
     *
     * @throws EOFException if the peer has left in the middle of it
     */
    Optional<FrameHeader> header() throws IOException {
        if (left > 0) {
            throw new IllegalStateException(left + " bytes of the payload are left");
        }
        byte[] bytes = new byte[FrameHeader.SIZE];
        int done = 0;
        while (done < bytes.length) {
            int count = some(bytes, done, bytes.length - done);
            if (count < 0) {
                if (done == 0) {
                    return Optional.empty();
                }
                throw new EOFException("the connection ended within a frame");
            }
            done += count;
        }
        FrameHeader header = FrameHeader.read(ByteBuffer.wrap(bytes));
        left = header.length();
        return Optional.of(header);
    }

    /** The payload as a whole. */
    byte[] payload() throws IOException {
        byte[] chunk = new byte[Math.min(left, BUFFER)];
        ByteArrayOutputStream payload = new ByteArrayOutputStream(chunk.length);
        for (int count = data(chunk, 0, chunk.length); count > 0; count = data(chunk, 0, chunk.length)) {
            payload.write(chunk, 0, count);
        }
        return payload.toByteArray();
    }

    /** Some bytes of the payload; none if it has all been read. */
    int data(byte[] target, int offset, int length) throws IOException {
        if (left == 0 || length == 0) {
            return 0;
        }
        int count = some(target, offset, Math.min(length, left));
        if (count < 0) {
            throw new EOFException("the connection ended within a frame");
        }
        left -= count;
        return count;
    }

    private int some(byte[] target, int offset, int length) throws IOException {
        int count = take(target, offset, length);
        activity.receive(count);
        return count;
    }

    private int take(byte[] target, int offset, int length) throws IOException {
        if (!buffer.hasRemaining()) {
            if (length >= BUFFER) {
                return channel.read(ByteBuffer.wrap(target, offset, length));
            }
            if (!fill()) {
                return -1;
            }
        }
        int count = Math.min(length, buffer.remaining());
        buffer.get(target, offset, count);
        return count;
    }

    private boolean fill() throws IOException {
        buffer.clear();
        int count;
        try {
            count = channel.read(buffer);
        } finally {
            buffer.flip();
        }
        return count >= 0;
    }
}
