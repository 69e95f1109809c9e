package dev.cay.engine.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.ReentrantLock;

/** What a peer gets: whole frames, whoever sends them. Waits for as long as the peer does not read. Thread-safe. */
final class FrameOutput {
    /** The most that is sent in one frame. */
    static final int MAXIMUM_SENT = 64 * 1024;

    private static final byte[] NOTHING = {};

    private final WritableByteChannel channel;
    private final Activity activity;
    private final ReentrantLock lock = new ReentrantLock();
    private ByteBuffer buffer = ByteBuffer.allocate(1024);

    FrameOutput(WritableByteChannel channel) {
        this(channel, new Activity());
    }

    /** @param activity is told how many bytes of frames have gone */
    FrameOutput(WritableByteChannel channel, Activity activity) {
        this.channel = channel;
        this.activity = activity;
    }

    void send(FrameType type) throws IOException {
        send(type, NOTHING, 0, 0);
    }

    /** @param text cut if it is longer than a frame */
    void send(FrameType type, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        send(type, bytes, 0, Math.min(bytes.length, MAXIMUM_SENT));
    }

    /** @param length at most {@link #MAXIMUM_SENT} */
    void send(FrameType type, byte[] bytes, int offset, int length) throws IOException {
        if (length > MAXIMUM_SENT) {
            throw new IllegalArgumentException(length + " bytes in one frame");
        }
        lock.lock();
        try {
            if (buffer.capacity() < FrameHeader.SIZE + length) {
                buffer = ByteBuffer.allocate(FrameHeader.SIZE + MAXIMUM_SENT);
            }
            new FrameHeader(type, length).write(buffer.clear());
            write(buffer.put(bytes, offset, length).flip());
            activity.send(FrameHeader.SIZE + length);
        } finally {
            lock.unlock();
        }
    }

    /** Sends what is no frame: lines. */
    void sendLine(byte[] line) throws IOException {
        lock.lock();
        try {
            write(ByteBuffer.wrap(line));
        } finally {
            lock.unlock();
        }
    }

    private void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
