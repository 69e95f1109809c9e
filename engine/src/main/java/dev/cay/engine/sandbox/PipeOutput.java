package dev.cay.engine.sandbox;

import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;

/** What a command reads. */
final class PipeOutput extends OutputStream {
    private final Fd pipe;
    private final Poll.Interest end;

    /** Held while writing. Whoever closes meanwhile leaves it to the writer to let go of the descriptor. */
    private final ReentrantLock writing = new ReentrantLock();

    private volatile boolean closed;

    PipeOutput(Fd pipe, Poll.Interest end) {
        this.pipe = pipe;
        this.end = end;
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    /** Writes all of it, waiting for the command to read; nothing is kept back. */
    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        writing.lock();
        try {
            if (closed) {
                throw new IOException("the stream is closed");
            }
            pump(bytes, offset, length);
        } catch (IllegalStateException e) {
            throw new IOException("the execution has been closed", e);
        } finally {
            writing.unlock();
            letGoIfClosed();
        }
    }

    private void pump(byte[] bytes, int offset, int length) throws IOException {
        ByteBuffer buffer = IoBuffers.borrow();
        try {
            for (int done = 0; done < length; done += buffer.limit()) {
                buffer.clear()
                        .put(bytes, offset + done, Math.min(length - done, buffer.capacity()))
                        .flip();
                drain(buffer);
            }
        } finally {
            IoBuffers.giveBack(buffer);
        }
    }

    private void drain(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            int count = Pipe.write(pipe, buffer);
            if (count == Pipe.END || count == Pipe.WOULD_BLOCK && !await()) {
                throw new IOException("the command does not read its input any more");
            }
        }
    }

    /** Waits for room; false if the command has exited, whoever else may still hold the other end. */
    private boolean await() {
        return (Poll.await(Poll.FOREVER, Poll.Interest.writing(pipe), end) & 2) == 0;
    }

    @Override
    public void close() {
        closed = true;
        letGoIfClosed();
    }

    /** Closes the descriptor unless somebody writes: its number must not be taken by another while he does. */
    private void letGoIfClosed() {
        while (closed && pipe.isOpen() && writing.tryLock()) {
            try {
                pipe.close();
            } finally {
                writing.unlock();
            }
        }
    }
}
