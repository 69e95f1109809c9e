package dev.cay.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A pipe as the kernel makes them: bounded, with an end of file, and broken once nobody reads any more. */
final class BytePipe {
    private static final int CAPACITY = 64 * 1024;

    private final byte[] bytes = new byte[CAPACITY];
    private int start;
    private int count;
    private boolean writerClosed;
    private boolean readerClosed;

    final InputStream in = new InputStream() {
        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            return take(target, offset, length);
        }

        @Override
        public void close() {
            closeReader();
        }
    };

    final OutputStream out = new OutputStream() {
        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] source, int offset, int length) throws IOException {
            int done = 0;
            while (done < length) {
                done += put(source, offset + done, length - done);
            }
        }

        @Override
        public void close() {
            closeWriter();
        }
    };

    private synchronized int take(byte[] target, int offset, int length) throws IOException {
        try {
            while (count == 0 && !writerClosed && !readerClosed) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IOException("interrupted", e);
        }
        if (readerClosed) {
            throw new IOException("Stream closed");
        }
        if (count == 0) {
            return -1;
        }
        int taken = Math.min(length, Math.min(count, CAPACITY - start));
        System.arraycopy(bytes, start, target, offset, taken);
        start = (start + taken) % CAPACITY;
        count -= taken;
        notifyAll();
        return taken;
    }

    /** Returns how much it could take. */
    private synchronized int put(byte[] source, int offset, int length) throws IOException {
        try {
            while (count == CAPACITY && !readerClosed && !writerClosed) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IOException("interrupted", e);
        }
        if (readerClosed || writerClosed) {
            throw new IOException("Broken pipe");
        }
        int end = (start + count) % CAPACITY;
        int put = Math.min(length, Math.min(CAPACITY - count, CAPACITY - end));
        System.arraycopy(source, offset, bytes, end, put);
        count += put;
        notifyAll();
        return put;
    }

    private synchronized void closeReader() {
        readerClosed = true;
        notifyAll();
    }

    private synchronized void closeWriter() {
        writerClosed = true;
        notifyAll();
    }
}
