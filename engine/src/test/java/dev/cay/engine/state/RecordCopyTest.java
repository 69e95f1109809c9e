package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.OutputKind;
import dev.cay.OutputLog;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordCopyTest {
    private static final int RING = ExecutionRecord.ringFor(8 * 1024);
    private static final int MOST = 1 << 20;

    @TempDir
    private Path directory;

    private final Random random = new Random(11);

    private ExecutionRecord record(String name) throws IOException {
        Path file = directory.resolve(name);
        ExecutionRecord.create(file, RING);
        return new ExecutionRecord(file);
    }

    /** What there is of a file, as a guest reads it. */
    private static ExecutionRecord.Origin origin(ExecutionRecord record) {
        return (at, length) -> {
            byte[] all = Files.readAllBytes(record.file());
            int from = (int) Math.min(at, all.length);
            return Arrays.copyOfRange(all, from, Math.min(all.length, from + length));
        };
    }

    private static void write(ExecutionRecord record, int which, long total, byte[] bytes) throws IOException {
        try (RandomAccessFile out = new RandomAccessFile(record.file().toFile(), "rw")) {
            for (int i = 0; i < bytes.length; i++) {
                out.seek(4096 + (long) which * RING + (total + i) % RING);
                out.write(bytes[i]);
            }
            out.seek(64 + 8L * which);
            out.writeLong(Long.reverseBytes(total + bytes.length));
        }
    }

    @Test
    void theCopySaysWhatTheOriginalSays() throws IOException {
        ExecutionRecord there = record("there");
        ExecutionRecord here = record("here");
        long[] totals = new long[2];
        for (int round = 0; round < 200; round++) {
            int which = random.nextInt(2);
            byte[] bytes = new byte[random.nextInt(3000)];
            random.nextBytes(bytes);
            write(there, which, totals[which], bytes);
            totals[which] += bytes.length;
            if (random.nextInt(5) == 0) {
                here.bring(origin(there), ExecutionRecord.Change::make);
                for (OutputKind kind : OutputKind.values()) {
                    OutputLog expected = there.log(kind, 0, MOST);
                    OutputLog actual = here.log(kind, 0, MOST);
                    assertThat(actual.from()).isEqualTo(expected.from());
                    assertThat(actual.bytes()).isEqualTo(expected.bytes());
                }
            }
        }
    }

    /** A guest says anything: nothing grows, nothing fails but as the reading of a record does, and an end stays what it was. */
    @Test
    void whateverTheOriginSaysTheCopyStaysARecord() throws IOException {
        ExecutionRecord here = record("here");
        long size = Files.size(here.file());
        for (int round = 0; round < 300; round++) {
            ByteBuffer header = ByteBuffer.allocate(80).order(ByteOrder.LITTLE_ENDIAN);
            random.nextBytes(header.array());
            header.putInt(8, random.nextInt(4));
            header.putLong(64, random.nextLong() >> random.nextInt(64));
            header.putLong(72, random.nextLong() >> random.nextInt(64));
            boolean isShort = random.nextInt(3) == 0;
            ExecutionRecord.Origin lying = (at, length) -> at < header.capacity()
                    ? Arrays.copyOfRange(header.array(), (int) at, (int) at + length)
                    : new byte[isShort ? length / 2 : length];
            here.bring(lying, ExecutionRecord.Change::make);
            assertThat(Files.size(here.file())).isEqualTo(size);
            var exit = here.header().exit();
            for (OutputKind kind : OutputKind.values()) {
                assertThat(here.log(kind, 0, MOST).bytes().length).isLessThanOrEqualTo(RING);
            }
            here.bring((at, length) -> new byte[0], ExecutionRecord.Change::make);
            assertThat(here.header().exit()).isEqualTo(exit);
        }
        assertThat(here.header().exit()).isPresent();
    }
}
