package dev.cay.engine.state;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;

/** Writes the record of an execution as a sandbox's first process does, in the order it does. */
final class Stub implements AutoCloseable {
    private static final int HEADER = 4096;

    private final RandomAccessFile out;
    private final int ring;
    private final long[] totals = new long[2];
    private int pid;
    private long started;

    Stub(ExecutionRecord record) throws IOException {
        out = new RandomAccessFile(record.file().toFile(), "rw");
        ring = record.ring();
    }

    void running(int number, Instant time) throws IOException {
        pid = number;
        started = StateJson.nanos(time);
        header(1, 0, 0, false, 0);
    }

    void ended(int code, int status, boolean timedOut, Instant time) throws IOException {
        header(2, code, status, timedOut, StateJson.nanos(time));
    }

    private void header(int state, int code, int status, boolean timedOut, long ended) throws IOException {
        ByteBuffer fields = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        fields.putInt(pid)
                .putInt(code)
                .putInt(status)
                .putLong(started)
                .putLong(ended)
                .putInt(timedOut ? 1 : 0);
        write(12, fields);
        write(8, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(state));
    }

    /** Bytes first, then the count that covers them; in one piece at the most 32 KiB. */
    void output(int which, byte[] bytes) throws IOException {
        begin(which, bytes);
        count(which, bytes.length);
    }

    /** Only the bytes. */
    void begin(int which, byte[] bytes) throws IOException {
        for (int i = 0; i < bytes.length; i++) {
            out.seek(HEADER + (long) which * ring + (totals[which] + i) % ring);
            int part = (int) Math.min(bytes.length - i, ring - (totals[which] + i) % ring);
            out.write(bytes, i, part);
            i += part - 1;
        }
    }

    void count(int which, int length) throws IOException {
        totals[which] += length;
        write(
                64 + 8L * which,
                ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(totals[which]));
    }

    void write(long at, ByteBuffer bytes) throws IOException {
        out.seek(at);
        out.write(bytes.array());
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
