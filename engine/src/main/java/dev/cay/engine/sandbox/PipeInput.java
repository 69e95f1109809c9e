package dev.cay.engine.sandbox;

import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/** What a command writes. It ends when nobody can write any more, or soon after the command has exited. */
final class PipeInput extends InputStream {
    /** How long a descendant that keeps a pipe open can delay the end of the stream. */
    static final long DRAIN_NANOSECONDS = 250_000_000;

    private static final long LOOK_NANOSECONDS = 50_000_000;

    private final Pipe pipe;
    private final Poll.Interest end;

    /** Held while reading. Whoever closes meanwhile leaves it to the reader to let go of descriptor and buffer. */
    private final ReentrantLock reading = new ReentrantLock();

    private volatile boolean following;
    private volatile boolean closed;
    private Optional<ByteBuffer> borrowed = Optional.empty();
    private boolean exited;
    private long deadline;
    private int unasked;
    private boolean ended;

    PipeInput(Pipe pipe, Poll.Interest end) {
        this.pipe = pipe;
        this.end = end;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (length == 0) {
            return 0;
        }
        reading.lock();
        try {
            if (closed) {
                throw new IOException("the stream is closed");
            }
            int count = ended ? -1 : next(bytes, offset, length);
            ended = count < 0;
            return count;
        } catch (IllegalStateException e) {
            throw new IOException("the execution has been closed", e);
        } finally {
            if (ended || closed) {
                giveBack();
            }
            reading.unlock();
            letGoIfClosed();
        }
    }

    /** Descendants of the command that have the pipe are waited for. */
    void follow() {
        following = true;
    }

    @Override
    public int available() {
        return reading.tryLock() ? availableLocked() : 0;
    }

    private int availableLocked() {
        try {
            return borrowed.map(ByteBuffer::remaining).orElse(0);
        } finally {
            reading.unlock();
        }
    }

    private int next(byte[] bytes, int offset, int length) throws SyscallException {
        ByteBuffer buffer = buffer();
        while (!buffer.hasRemaining()) {
            buffer.clear();
            int count = Pipe.read(pipe.ours(), buffer);
            buffer.flip();
            if (count == Pipe.END || count == Pipe.WOULD_BLOCK && !await() || isOverdue(count)) {
                return -1;
            }
        }
        int count = Math.min(length, buffer.remaining());
        buffer.get(bytes, offset, count);
        return count;
    }

    /**
     * Whether the time is over for a descendant that goes on writing, so fast that there is never anything to wait for. Asked
     * once for every pipeful: what the command itself has written before its exit is no more than that.
     */
    private boolean isOverdue(int count) {
        unasked += Math.max(0, count);
        if (unasked < Pipe.CAPACITY || following) {
            return false;
        }
        unasked = 0;
        if (!exited) {
            exited = Poll.await(0, end) != 0;
            deadline = System.nanoTime() + DRAIN_NANOSECONDS;
            return false;
        }
        return System.nanoTime() > deadline;
    }

    private ByteBuffer buffer() {
        if (borrowed.isEmpty()) {
            borrowed = Optional.of(IoBuffers.borrow().limit(0));
            pipe.enlarge();
        }
        return borrowed.get();
    }

    private void giveBack() {
        borrowed.ifPresent(IoBuffers::giveBack);
        borrowed = Optional.empty();
    }

    /** Waits for something to read; false when there is nothing to wait for any more. */
    private boolean await() {
        Poll.Interest output = Poll.Interest.reading(pipe.ours());
        if (!exited) {
            int ready = Poll.await(Poll.FOREVER, output, end);
            exited = (ready & 2) != 0;
            deadline = System.nanoTime() + DRAIN_NANOSECONDS;
            return true;
        }
        while (following && !closed) { // whoever closes this does not wake who waits here
            if (Poll.await(LOOK_NANOSECONDS, output) != 0) {
                return true;
            }
        }
        long left = deadline - System.nanoTime();
        return left > 0 && Poll.await(left, output) != 0;
    }

    /** Ends the stream; the command gets SIGPIPE if it goes on writing. */
    @Override
    public void close() {
        closed = true;
        letGoIfClosed();
    }

    /** Closes the descriptor unless somebody reads: its number must not be taken by another while he does. */
    private void letGoIfClosed() {
        while (closed && pipe.ours().isOpen() && reading.tryLock()) {
            try {
                giveBack();
                pipe.ours().close();
            } finally {
                reading.unlock();
            }
        }
    }
}
