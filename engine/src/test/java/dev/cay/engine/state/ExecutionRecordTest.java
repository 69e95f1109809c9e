package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ExecutionRecordTest {
    private static final int KEPT = 8192;
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);

    @TempDir
    private Path directory;

    private ExecutionRecord record;

    @BeforeEach
    void here() throws IOException {
        Path file = directory.resolve("2");
        ExecutionRecord.create(file, ExecutionRecord.ringFor(KEPT));
        record = new ExecutionRecord(file);
    }

    /** What byte n of a stream is. */
    private static byte expected(long n) {
        return (byte) (n * 31 + (n >> 8));
    }

    private static byte[] bytes(long from, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = expected(from + i);
        }
        return bytes;
    }

    private static void check(OutputLog log) {
        assertThat(log.bytes()).isEqualTo(bytes(log.from(), log.bytes().length));
    }

    @Test
    void aNewOneTakesNoSpace() throws IOException {
        assertThat(Files.size(record.file())).isEqualTo(4096 + 2L * record.ring());
        assertThat(record.ring()).isEqualTo(KEPT + ExecutionRecord.WRITE);
        assertThat(record.header())
                .isEqualTo(new ExecutionRecord.Header(
                        0, Instant.EPOCH, Optional.empty(), Optional.empty(), Optional.empty()));
        assertThat(record.log(OutputKind.STDOUT, 0, 100))
                .satisfies(log -> assertThat(log.bytes()).isEmpty());
    }

    @Test
    void ringsAreLargeEnough() {
        assertThat(ExecutionRecord.ringFor(0)).isZero();
        assertThat(ExecutionRecord.ringFor(1)).isEqualTo(4096 + 32768);
        assertThat(ExecutionRecord.ringFor(4096)).isEqualTo(4096 + 32768);
        assertThat(ExecutionRecord.ringFor(ExecSpec.MAXIMUM_KEPT.bytes())).isEqualTo((64 << 20) + 32768);
    }

    @Test
    void everyEndIsToldApart() throws IOException {
        assertThat(end(1, 300, false)).isEqualTo(Exit.exited(44));
        assertThat(end(2, 11, false)).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 11));
        assertThat(end(3, 6, false))
                .isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 6).withCore(true));
        assertThat(end(2, 9, true)).isEqualTo(Exit.signalled(Exit.Reason.TIMEOUT, 9));
        assertThat(end(1, 0, true)).isEqualTo(Exit.signalled(Exit.Reason.TIMEOUT, 15));
        assertThat(end(77, -1, false)).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 9));
    }

    private Exit end(int code, int status, boolean timedOut) throws IOException {
        try (Stub stub = new Stub(record)) {
            stub.running(3, NOW);
            stub.ended(code, status, timedOut, NOW);
        }
        return record.header().exit().orElseThrow();
    }

    @Test
    void atLeastWhatIsToBeKeptIsRead() throws IOException {
        try (Stub stub = new Stub(record)) {
            long total = 0;
            for (int length : new int[] {1, 8191, 3, 32768, 30000, 5, 32768, 32768, 17}) {
                stub.output(0, bytes(total, length));
                total += length;
                OutputLog log = record.log(OutputKind.STDOUT, 0, Integer.MAX_VALUE);
                check(log);
                assertThat(log.next()).isEqualTo(total);
                assertThat(log.from()).isEqualTo(Math.max(0, total - KEPT));
                check(record.log(OutputKind.STDOUT, total - 1, 10));
                assertThat(record.log(OutputKind.STDOUT, total - 1, 10).bytes()).hasSize(1);
                assertThat(record.log(OutputKind.STDOUT, log.from(), 1).next()).isEqualTo(log.from() + 1);
                assertThat(record.log(OutputKind.STDOUT, total + 5, 10).next()).isEqualTo(total + 5);
                assertThat(record.log(OutputKind.STDERR, 0, 10).next()).isZero();
            }
            stub.output(1, new byte[] {42});
            assertThat(record.log(OutputKind.STDERR, 0, 10).bytes()).containsExactly(42);
        }
    }

    /** Bytes that are being written, but not yet counted, are in place of old ones. */
    @Test
    void whatIsBeingWrittenOverIsNotRead() throws IOException {
        try (Stub stub = new Stub(record)) {
            stub.output(0, bytes(0, 32768));
            stub.output(0, bytes(32768, 8192));
            stub.begin(0, new byte[32768]);
            OutputLog log = record.log(OutputKind.STDOUT, 0, Integer.MAX_VALUE);
            check(log);
            assertThat(log.from()).isEqualTo(32768);
        }
    }

    /** Old bytes that were there when the reading began may be gone when it comes to them. */
    @Test
    void whatWasWrittenOverMeanwhileIsLeftOut() throws IOException {
        try (Stub stub = new Stub(record)) {
            stub.output(0, bytes(0, 10_000));
            OutputLog log = record.log(OutputKind.STDOUT, 0, Integer.MAX_VALUE, () -> count(stub, 3000));
            assertThat(log.from()).isEqualTo(13_000 - KEPT);
            assertThat(log.next()).isEqualTo(10_000);
            check(log);
            log = record.log(OutputKind.STDOUT, 0, Integer.MAX_VALUE, () -> count(stub, 30_000));
            assertThat(log.bytes()).isEmpty();
            assertThat(log.next()).isEqualTo(13_000);
        }
    }

    private static void count(Stub stub, int length) {
        try {
            stub.count(0, length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void whatIsReadWhileMoreIsWrittenIsWhatWasWritten() throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        Thread writer = Thread.ofPlatform().start(() -> {
            try (Stub stub = new Stub(record)) {
                long total = 0;
                for (int i = 0; i < 400; i++) {
                    int length = 1 + i * 7919 % 32768;
                    stub.output(0, bytes(total, length));
                    total += length;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                done.set(true);
            }
        });
        long next = 0;
        while (!done.get()) {
            OutputLog log = record.log(OutputKind.STDOUT, next, Integer.MAX_VALUE);
            assertThat(log.from()).isGreaterThanOrEqualTo(next);
            check(log);
            next = log.next();
        }
        writer.join();
        check(record.log(OutputKind.STDOUT, 0, Integer.MAX_VALUE));
    }

    @Test
    void withoutRingsNothingIsKept() throws IOException {
        Path file = directory.resolve("3");
        ExecutionRecord.create(file, 0);
        ExecutionRecord none = new ExecutionRecord(file);
        try (Stub stub = new Stub(none)) {
            stub.count(0, 100);
        }
        assertThat(none.log(OutputKind.STDOUT, 0, 10)).satisfies(log -> {
            assertThat(log.from()).isEqualTo(100);
            assertThat(log.bytes()).isEmpty();
        });
    }

    @Test
    void whatCannotBeIsRefused() throws IOException {
        try (Stub stub = new Stub(record)) {
            stub.write(64, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(-1));
            assertThatThrownBy(() -> record.log(OutputKind.STDOUT, 0, 10))
                    .isInstanceOf(SandboxException.HostFailed.class);
            stub.write(64, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(Long.MAX_VALUE));
            assertThat(record.log(OutputKind.STDOUT, 0, Integer.MAX_VALUE).bytes())
                    .hasSize(KEPT);
            stub.write(0, ByteBuffer.allocate(1));
            assertThatThrownBy(record::header).isInstanceOf(SandboxException.HostFailed.class);
        }
        for (int size : new int[] {0, 5, 4095, 4096 + 4096, 4096 + 2 * 4096, 4096 + 2 * 40961}) {
            Files.write(record.file(), new byte[size]);
            assertThatThrownBy(record::header).isInstanceOf(SandboxException.HostFailed.class);
        }
    }

    /** The record is written by a process of the sandbox: nothing in it does harm. */
    @Test
    void noHeaderDoesMore() {
        Seeded.run(random -> {
            byte[] header = new byte[72];
            try (Stub stub = new Stub(record)) {
                for (int i = 0; i < 2000; i++) {
                    random.nextBytes(header);
                    if (random.nextBoolean()) {
                        header[0] = 2;
                        header[1] = header[2] = header[3] = 0;
                    }
                    stub.write(8, ByteBuffer.wrap(header));
                    record.header();
                    for (OutputKind kind : OutputKind.values()) {
                        long from = random.nextLong();
                        try {
                            assertThat(record.log(kind, from, 100).bytes()).hasSizeLessThanOrEqualTo(100);
                        } catch (SandboxException.HostFailed e) {
                            assertThat(e.getMessage()).endsWith("is not the record of an execution");
                        }
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
