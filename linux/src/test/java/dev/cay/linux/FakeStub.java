package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** The other end of a connection, played by a test. Not thread-safe, but for sending from one thread and receiving in another. */
final class FakeStub implements AutoCloseable {
    private final Fd far;
    private final Deque<Fd> descriptors = new ArrayDeque<>();
    private byte[] unread = {};

    FakeStub(Fd far) {
        this.far = far;
    }

    /** A frame as it came. */
    record Frame(int stream, int kind, int flags, byte[] payload) {
        ByteBuffer buffer() {
            return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    static byte[] frame(int stream, int kind, int flags, byte[] payload) {
        ByteBuffer frame = ByteBuffer.allocate(8 + payload.length).order(ByteOrder.LITTLE_ENDIAN);
        return frame.putInt(stream)
                .put((byte) kind)
                .put((byte) flags)
                .putShort((short) payload.length)
                .put(payload)
                .array();
    }

    static byte[] integers(int... values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            buffer.putInt(value);
        }
        return buffer.array();
    }

    /** The next frame; empty at the end. */
    Optional<Frame> next() throws SyscallException {
        while (true) {
            ByteBuffer buffer = ByteBuffer.wrap(unread).order(ByteOrder.LITTLE_ENDIAN);
            if (unread.length >= 8 && unread.length >= 8 + Short.toUnsignedInt(buffer.getShort(6))) {
                byte[] payload = new byte[Short.toUnsignedInt(buffer.getShort(6))];
                buffer.get(8, payload);
                Frame frame = new Frame(buffer.getInt(0), buffer.get(4), buffer.get(5), payload);
                unread = java.util.Arrays.copyOfRange(unread, 8 + payload.length, unread.length);
                return Optional.of(frame);
            }
            Poll.await(Poll.FOREVER, Poll.Interest.reading(far));
            UnixSocket.Received received = UnixSocket.receive(far);
            if (received.status() == UnixSocket.END) {
                return Optional.empty();
            }
            descriptors.addAll(received.descriptors());
            byte[] all = java.util.Arrays.copyOf(unread, unread.length + received.bytes().length);
            System.arraycopy(received.bytes(), 0, all, unread.length, received.bytes().length);
            unread = all;
        }
    }

    /** The next list, put together, and the number of its request. */
    Optional<Frame> nextList() throws SyscallException {
        java.io.ByteArrayOutputStream whole = new java.io.ByteArrayOutputStream();
        while (true) {
            Optional<Frame> frame = next();
            if (frame.isEmpty()) {
                return frame;
            }
            whole.writeBytes(frame.get().payload());
            if ((frame.get().flags() & StubConnection.MORE) == 0) {
                return Optional.of(new Frame(frame.get().stream(), frame.get().kind(), 0, whole.toByteArray()));
            }
        }
    }

    /** The descriptors that have come so far; the caller's. */
    List<Fd> takeDescriptors() {
        List<Fd> all = new ArrayList<>(descriptors);
        descriptors.clear();
        return all;
    }

    void send(int stream, int kind, int flags, byte[] payload, Fd... sent) throws SyscallException {
        sendRaw(frame(stream, kind, flags, payload), sent);
    }

    void sendRaw(byte[] bytes, Fd... sent) throws SyscallException {
        int done = 0;
        while (done < bytes.length) {
            int length = Math.min(UnixSocket.CHUNK, bytes.length - done);
            int count = UnixSocket.send(far, bytes, done, length, done == 0 ? List.of(sent) : List.of());
            if (count == UnixSocket.END) {
                return;
            }
            if (count == UnixSocket.WOULD_BLOCK) {
                Poll.await(Poll.FOREVER, Poll.Interest.writing(far));
            }
            done += Math.max(0, count);
        }
    }

    @Override
    public void close() {
        far.close();
        takeDescriptors().forEach(Fd::close);
    }
}
