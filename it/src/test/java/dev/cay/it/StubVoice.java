package dev.cay.it;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Answers on a machine's channel as the stub does, see design/002-stub.md, as far as greetings and pings go. Of a list it does not
 * understand more than that it is the end.
 */
final class StubVoice {
    private static final byte[] MAGIC = "CaySTUB1".getBytes(StandardCharsets.US_ASCII);
    private static final int HELLO = 1;
    private static final int PING = 2;
    private static final int PONG = 3;
    private static final int RUN = 4;
    private static final int HEADER = 8;
    private static final int GREETING = 16;
    private static final int MARK = 4;

    private final SocketChannel channel;
    private byte[] held = new byte[0];
    private boolean greeted;
    private int mark;

    StubVoice(SocketChannel channel) {
        this.channel = channel;
    }

    /** What comes before each answer: nothing is said while a machine is paused. */
    interface Turn {
        void await();
    }

    /** Answers until there is a list, or nobody any more. Returns whether there was one. */
    boolean speak(Turn turn) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
        while (channel.read(buffer) >= 0) {
            int had = held.length;
            held = Arrays.copyOf(held, had + buffer.flip().remaining());
            buffer.get(held, had, buffer.remaining()).clear();
            turn.await();
            int at = 0;
            for (int next = take(at); next > at; next = take(at)) {
                if (next == Integer.MAX_VALUE) {
                    return true;
                }
                at = next;
            }
            held = Arrays.copyOfRange(held, at, held.length);
        }
        return false;
    }

    /** Where what comes next begins; the same place if it is not whole yet. */
    private int take(int at) throws IOException {
        if (held.length - at < HEADER) {
            return at;
        }
        ByteBuffer frame = ByteBuffer.wrap(held, at, held.length - at).slice().order(ByteOrder.LITTLE_ENDIAN);
        int stream = frame.getInt();
        int kind = frame.get();
        frame.get();
        int length = frame.getShort() & 0xffff;
        if (kind == HELLO && length == GREETING) {
            if (frame.remaining() < GREETING) {
                return at;
            }
            byte[] greeting = new byte[GREETING];
            frame.get(greeting);
            if (Arrays.equals(Arrays.copyOf(greeting, MAGIC.length), MAGIC)) {
                hello(stream, greeting);
                return at + HEADER + GREETING;
            }
        }
        if (!greeted) {
            return at + 1;
        }
        if (frame.remaining() < length + MARK) {
            return at;
        }
        byte[] payload = new byte[length];
        frame.get(payload);
        if (frame.getInt() != mark) {
            greeted = false;
            return at + 1;
        }
        if (kind == PING) {
            answer(stream, PONG, payload);
        }
        return kind == RUN ? Integer.MAX_VALUE : at + HEADER + length + MARK;
    }

    private void hello(int stream, byte[] greeting) throws IOException {
        greeted = true;
        mark = ByteBuffer.wrap(greeting).order(ByteOrder.LITTLE_ENDIAN).getInt(MAGIC.length);
        byte[] release = "6.1.0-fake".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer payload = ByteBuffer.allocate(GREETING + 16 + release.length).order(ByteOrder.LITTLE_ENDIAN);
        payload.put(greeting).putInt(1).putInt(62).putInt(1).putInt(0).put(release);
        answer(stream, HELLO, payload.array());
    }

    private void answer(int stream, int kind, byte[] payload) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(HEADER + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(stream).put((byte) kind).put((byte) 0).putShort((short) payload.length);
        frame.put(payload).flip();
        while (frame.hasRemaining()) {
            channel.write(frame);
        }
    }
}
