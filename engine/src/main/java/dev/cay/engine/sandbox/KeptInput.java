package dev.cay.engine.sandbox;

import dev.cay.linux.KeptExecution;
import dev.cay.linux.Pipe;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.Optional;

/** What a command writes, when the sandbox's first process hands it on: first what it had written before, then the rest. */
final class KeptInput extends InputStream {
    /** How often it is looked whether the command has exited: its end comes by another way than its output. */
    private static final long LOOK_NANOSECONDS = 50_000_000;

    private final DetachableExecution execution;
    private final KeptExecution.Output output;
    private byte[] bytes;
    private int position;
    private long deadline = Long.MAX_VALUE;
    private long late;
    private boolean ended;
    private volatile boolean following;
    private volatile boolean closed;

    KeptInput(DetachableExecution execution, KeptExecution.Output output, byte[] before) {
        this.execution = execution;
        this.output = output;
        bytes = before;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public synchronized int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        while (position == bytes.length) {
            if (closed) {
                throw new IOException("the stream is closed");
            }
            if (ended) {
                return -1;
            }
            next();
        }
        int count = Math.min(length, bytes.length - position);
        System.arraycopy(bytes, position, target, offset, count);
        position += count;
        return count;
    }

    private void next() throws IOException {
        try {
            long now = System.nanoTime();
            Optional<byte[]> read = output.read(Math.min(deadline, now + LOOK_NANOSECONDS));
            bytes = read.orElse(new byte[0]);
            position = 0;
            ended = read.isEmpty() || System.nanoTime() >= deadline && isOverdue();
            if (!following && deadline == Long.MAX_VALUE && execution.await(now).isPresent()) {
                deadline = now + PipeInput.DRAIN_NANOSECONDS;
            }
        } catch (SyscallException e) {
            execution.await(Long.MAX_VALUE); // throws if it was taken away from us
            ended = true;
        }
    }

    /** Descendants of a command that has ended are not waited for; what it has written itself is in the stream before. */
    private boolean isOverdue() throws SyscallException {
        late += bytes.length;
        return bytes.length == 0 ? !output.hasMore() : late > Pipe.CAPACITY;
    }

    /** Descendants of the command that write to it are waited for. */
    void follow() {
        following = true;
    }

    @Override
    public synchronized int available() {
        return bytes.length - position;
    }

    @Override
    public void close() {
        closed = true;
    }
}
