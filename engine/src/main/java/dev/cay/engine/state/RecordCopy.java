package dev.cay.engine.state;

import dev.cay.linux.ResourceUsage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * An {@link ExecutionRecord} that follows one that is kept elsewhere. Several processes may bring over the same at once: what one has
 * written no other writes again, and a record that says that a command has ended says so for good.
 *
 * @param ring the size of its rings, and of those there
 */
record RecordCopy(Path file, int ring) {
    private static final int PIECE = 256 * 1024;
    private static final int STATE = 8;

    /** Where the fields begin that stand behind the state. */
    private static final int OTHERS = 12;

    void bring(ExecutionRecord.Origin origin, ExecutionRecord.Lock lock) throws IOException {
        byte[] header = origin.read(0, ExecutionRecord.FIELDS);
        if (header.length < ExecutionRecord.FIELDS) {
            return; // it has not been made, or nobody keeps it any more
        }
        for (int which = 0; which < 2 && ring > 0; which++) {
            bring(origin, which, lock);
        }
        lock.hold(() -> {
            try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
                if (number(read(out, STATE, 4), 0) == ExecutionRecord.ENDED) {
                    return;
                }
                out.seek(OTHERS);
                out.write(header, OTHERS, ExecutionRecord.TOTALS - OTHERS);
                out.seek(ExecutionRecord.USAGE);
                out.write(header, ExecutionRecord.USAGE, ResourceUsage.SIZE);
                out.seek(STATE);
                out.write(header, STATE, OTHERS - STATE);
            }
        });
    }

    private static int number(byte[] bytes, int at) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(at);
    }

    /** One of the two streams: as a whole, since what stands between two pieces would be taken for what was written. */
    private void bring(ExecutionRecord.Origin origin, int which, ExecutionRecord.Lock lock) throws IOException {
        long total = total(origin, which);
        long from;
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            from = Math.max(total(in, which), oldest(total));
        }
        byte[] bytes = new byte[Math.clamp(total - from, 0, ring)];
        for (int done = 0; done < bytes.length; ) {
            long at = from + done;
            int length = Math.min(Math.min(bytes.length - done, PIECE), (int) (ring - at % ring));
            byte[] piece = origin.read(place(which, at), length);
            if (piece.length < length) {
                return; // it counts what it has not
            }
            System.arraycopy(piece, 0, bytes, done, length);
            done += length;
        }
        int lost = Math.clamp(oldest(total(origin, which)) - from, 0, bytes.length);
        lock.hold(() -> write(which, from + lost, Arrays.copyOfRange(bytes, lost, bytes.length)));
    }

    private long oldest(long total) {
        return Math.max(0, total - (ring - ExecutionRecord.WRITE));
    }

    private long place(int which, long at) {
        return ExecutionRecord.HEADER + (long) which * ring + at % ring;
    }

    /** Writes what nobody has written before, and says so. */
    private void write(int which, long from, byte[] bytes) throws IOException {
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            int known = Math.clamp(total(out, which) - from, 0, bytes.length);
            for (int done = known; done < bytes.length; ) {
                long at = from + done;
                int length = Math.min(bytes.length - done, (int) (ring - at % ring));
                out.seek(place(which, at));
                out.write(bytes, done, length);
                done += length;
            }
            if (known < bytes.length) {
                out.seek(ExecutionRecord.TOTALS + 8L * which);
                out.writeLong(Long.reverseBytes(from + bytes.length));
            }
        }
    }

    /** How much was written there; nothing if it says what cannot be. */
    private static long total(ExecutionRecord.Origin origin, int which) throws IOException {
        byte[] bytes = origin.read(ExecutionRecord.TOTALS + 8L * which, 8);
        return bytes.length < 8
                ? 0
                : ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static long total(RandomAccessFile in, int which) throws IOException {
        in.seek(ExecutionRecord.TOTALS + 8L * which);
        return Long.reverseBytes(in.readLong());
    }

    private static byte[] read(RandomAccessFile in, long at, int length) throws IOException {
        byte[] bytes = new byte[length];
        in.seek(at);
        in.readFully(bytes);
        return bytes;
    }
}
