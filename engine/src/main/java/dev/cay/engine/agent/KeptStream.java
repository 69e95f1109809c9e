package dev.cay.engine.agent;

import dev.cay.SandboxException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What a command writes to a stream, the last of it kept, for readers of whom one comes after the other. While there is one the
 * command waits for him; while there is none it goes on, and what is oldest is forgotten. Thread-safe.
 */
final class KeptStream {
    private static final int CHUNK = 32 * 1024;

    private final int capacity;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private byte[] ring = {};
    private long total;
    private boolean ended;

    /** Of the reader: how far he is, and which one he is; there is none if {@code reading} is false. */
    private long position;

    private long reader;
    private boolean reading;

    /** @param capacity how much is kept, in bytes */
    KeptStream(int capacity) {
        this.capacity = capacity;
    }

    /** Takes all that a command writes, to its end. */
    void fill(InputStream source) {
        byte[] chunk = new byte[Math.min(CHUNK, capacity)];
        try {
            for (int count = source.read(chunk); count >= 0; count = source.read(chunk)) {
                append(chunk, count);
            }
        } catch (IOException | SandboxException _) {
            // it has ended with its sandbox
        } finally {
            lock.lock();
            try {
                ended = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private void append(byte[] bytes, int count) {
        lock.lock();
        try {
            while (reading && position < total) {
                changed.awaitUninterruptibly();
            }
            grow(count);
            int at = (int) (total % ring.length);
            int part = Math.min(count, ring.length - at);
            System.arraycopy(bytes, 0, ring, at, part);
            System.arraycopy(bytes, part, ring, 0, count - part);
            total += count;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** As long as everything is kept it lies at the beginning, so that the ring can be copied into a larger one. */
    private void grow(int count) {
        if (total + count > ring.length && ring.length < capacity) {
            long wanted = Math.max(total + count, 2L * ring.length);
            ring = Arrays.copyOf(ring, (int) Math.min(wanted, capacity));
        }
    }

    /** How many bytes have been written so far. */
    long total() {
        lock.lock();
        try {
            return total;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Reads from a position on, or, if that is not kept any more, from the oldest byte that is. Whoever read before reads no more.
     *
     * @param from at most {@link #total}
     */
    Reader read(long from) {
        lock.lock();
        try {
            position = Math.max(from, total - Math.min(total, ring.length));
            reading = true;
            reader++;
            changed.signalAll();
            return new Reader(reader, position);
        } finally {
            lock.unlock();
        }
    }

    /** One who reads. */
    final class Reader extends InputStream {
        private final long number;
        private final long start;

        private Reader(long number, long start) {
            this.number = number;
            this.start = start;
        }

        /** How many bytes had been written before the first that he reads. */
        long start() {
            return start;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        /** @throws IOException if it is another's turn, or nobody's */
        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, target.length);
            if (length == 0) {
                return 0;
            }
            lock.lock();
            try {
                while (isCurrent() && position == total && !ended) {
                    changed.awaitUninterruptibly();
                }
                if (!isCurrent()) {
                    throw new IOException("this is not read here any more");
                }
                int at = position == total ? 0 : (int) (position % ring.length);
                int count = (int) Math.min(Math.min(length, total - position), ring.length - at);
                if (count == 0) {
                    return -1;
                }
                System.arraycopy(ring, at, target, offset, count);
                position += count;
                changed.signalAll();
                return count;
            } finally {
                lock.unlock();
            }
        }

        private boolean isCurrent() {
            return reading && reader == number;
        }

        /** Reads no more; the command goes on. */
        @Override
        public void close() {
            lock.lock();
            try {
                if (isCurrent()) {
                    reading = false;
                    changed.signalAll();
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
