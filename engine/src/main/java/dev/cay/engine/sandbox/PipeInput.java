package dev.cay.engine.sandbox;

import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/** What a command writes. It ends when nobody can write any more, or soon after the command has exited. */
final class PipeInput extends InputStream {
    /** How long a descendant that keeps a pipe open can delay the end of the stream. */
    static final long DRAIN_NANOSECONDS = 250_000_000;

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Pipe pipe;
    private final Fd process;
    private ByteBuffer buffer = NOTHING;
    private boolean exited;
    private long deadline;
    private boolean ended;

    PipeInput(Pipe pipe, Fd process) {
        this.pipe = pipe;
        this.process = process;
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
        if (!buffer.hasRemaining() && (ended || !fill())) {
            end();
            return -1;
        }
        int count = Math.min(length, buffer.remaining());
        buffer.get(bytes, offset, count);
        return count;
    }

    @Override
    public int available() {
        return buffer.remaining();
    }

    private boolean fill() throws SyscallException {
        if (buffer == NOTHING) {
            buffer = IoBuffers.borrow();
            pipe.enlarge();
        }
        while (true) {
            buffer.clear();
            int count = Pipe.read(pipe.ours(), buffer);
            buffer.flip();
            if (count != Pipe.WOULD_BLOCK) {
                return count != Pipe.END;
            }
            if (!await()) {
                return false;
            }
        }
    }

    /** Waits for something to read; false when there is nothing to wait for any more. */
    private boolean await() {
        Poll.Interest output = Poll.Interest.reading(pipe.ours());
        if (!exited) {
            int ready = Poll.await(Poll.FOREVER, output, Poll.Interest.reading(process));
            exited = (ready & 2) != 0;
            deadline = System.nanoTime() + DRAIN_NANOSECONDS;
            return true;
        }
        long left = deadline - System.nanoTime();
        return left > 0 && Poll.await(left, output) != 0;
    }

    /** Ends the stream; the command gets SIGPIPE if it goes on writing. */
    @Override
    public void close() {
        end();
        pipe.ours().close();
    }

    private void end() {
        ended = true;
        if (buffer != NOTHING) {
            IoBuffers.giveBack(buffer);
            buffer = NOTHING;
        }
    }
}
