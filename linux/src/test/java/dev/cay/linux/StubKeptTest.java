package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Executions whose streams the real stub keeps. */
class StubKeptTest extends StubLab {
    private static final int RING = 4096;

    /** What belongs to a kept execution; its streams are closed here once it has them. */
    private KeptExecution keep(int number, Path record, int timeout, String script) throws IOException {
        ByteBuffer empty = ByteBuffer.allocate(4096 + 2 * RING);
        Files.write(
                record,
                empty.put("CayEXEC1".getBytes(StandardCharsets.US_ASCII)).array());
        Op open = FileOps.open(record.toString(), FileOps.O_RDWR);
        Op nothing = FileOps.open("/dev/null", FileOps.O_WRONLY);
        Results results = kernel.run(OpList.of(open, nothing));
        try (Fd file = results.fd(open);
                Fd kill = results.fd(nothing);
                Pipe input = Pipe.writing();
                Pipe output = Pipe.reading();
                Pipe error = Pipe.reading()) {
            KeptExecution.Plan plan = new KeptExecution.Plan(
                    number,
                    file,
                    Optional.of(kill),
                    timeout,
                    10_000,
                    List.of(input.ours(), output.ours(), error.ours()),
                    RING);
            return stub.start(
                    OpList.of(
                            Processes.setsid(),
                            FileOps.duplicate(Arg.of(input.theirs()), 0),
                            FileOps.duplicate(Arg.of(output.theirs()), 1),
                            FileOps.duplicate(Arg.of(error.theirs()), 2),
                            Processes.unblockSignals(),
                            Processes.execve("/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/bin:/bin"))),
                    PLAIN,
                    plan);
        }
    }

    private static String all(KeptExecution.Output output) throws SyscallException {
        StringBuilder all = new StringBuilder();
        for (Optional<byte[]> bytes = output.read(FOREVER); bytes.isPresent(); bytes = output.read(FOREVER)) {
            all.append(new String(bytes.get(), StandardCharsets.US_ASCII));
        }
        return all.toString();
    }

    @Test
    void aKeptExecutionHasItsStreamsAndItsRecord() throws IOException {
        Path record = directory.resolve("record");
        String text = "0123456789".repeat(20_000);
        try (KeptExecution execution = keep(1, record, 0, "read line; echo $line; echo oops >&2; cat; exit 3")) {
            byte[] input = ("hello\n" + text).getBytes(StandardCharsets.US_ASCII);
            Thread writer = Thread.startVirtualThread(() -> {
                try {
                    execution.write(input, 0, input.length);
                    execution.endInput();
                } catch (SyscallException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(all(execution.output())).isEqualTo("hello\n" + text);
            assertThat(all(execution.error())).isEqualTo("oops\n");
            assertThat(execution.await(FOREVER).orElseThrow().status()).isEqualTo(new Child.Status(true, 3));
            writer.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(record)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(bytes.getInt(8)).as("ended").isEqualTo(2);
        assertThat(bytes.getInt(12)).as("pid").isPositive();
        assertThat(List.of(bytes.getInt(16), bytes.getInt(20))).containsExactly(1, 3);
        assertThat(bytes.getLong(32)).as("at last").isGreaterThanOrEqualTo(bytes.getLong(24));
        assertThat(bytes.getInt(40)).as("in time").isZero();
        long written = bytes.getLong(64);
        assertThat(written).isEqualTo(6 + text.length());
        for (long at = written - RING; at < written; at++) {
            assertThat(bytes.get(4096 + (int) (at % RING))).isEqualTo((byte) text.charAt((int) at - 6));
        }
        assertThat(bytes.getLong(72)).isEqualTo(5);
        assertThat(new String(bytes.array(), 4096 + RING, 5, StandardCharsets.US_ASCII))
                .isEqualTo("oops\n");
    }

    @Test
    void aTimeThatRunsOutIsTold() throws IOException {
        try (KeptExecution execution = keep(1, directory.resolve("record"), 1, "sleep 1000")) {
            KeptExecution.Ended ended = execution.await(FOREVER).orElseThrow();
            assertThat(ended.status()).isEqualTo(new Child.Status(false, Processes.SIGTERM));
            assertThat(ended.timedOut()).isTrue();
            assertThat(ended.used().orElseThrow().minorFaults()).isPositive();
        }
    }

    @Test
    void aSignalReachesItsGroup() throws IOException {
        try (KeptExecution execution = keep(1, directory.resolve("record"), 0, "echo ready; sleep 1000; true")) {
            assertThat(execution.output().read(FOREVER)).isPresent();
            execution.signal(Processes.SIGKILL);
            assertThat(execution.await(FOREVER).orElseThrow().status())
                    .isEqualTo(new Child.Status(false, Processes.SIGKILL));
            assertThat(all(execution.output())).as("the sleep has gone too").isEmpty();
        }
    }

    @Test
    void whoeverAttachesLaterTakesItOver() throws IOException {
        try (KeptExecution execution = keep(7, directory.resolve("record"), 0, "echo one; read line; echo $line");
                Stub second = new Stub(UnixSocket.connect(kernel, socket()))) {
            assertThat(execution.output().read(FOREVER)).isPresent();
            try (KeptExecution taken = second.attach(7)) {
                assertThatThrownBy(() -> execution.await(FOREVER)).hasMessageContaining("EBUSY");
                assertThatThrownBy(() -> all(execution.output())).hasMessageContaining("EBUSY");
                assertThat(taken.output().before()).isEqualTo(4);
                assertThat(taken.write("two\n".getBytes(StandardCharsets.US_ASCII), 0, 4))
                        .isTrue();
                assertThat(all(taken.output())).isEqualTo("two\n");
                assertThat(taken.await(FOREVER).orElseThrow().status()).isEqualTo(new Child.Status(true, 0));
            }
            assertThatThrownBy(() -> second.attach(8)).hasMessage("attach(execution 8): ESRCH");
        }
    }

    @Test
    void whatIsDetachedGoesOnAndItsRecordTells() throws IOException {
        Path record = directory.resolve("record");
        try (KeptExecution execution = keep(2, record, 0, "read line; echo $line; echo over")) {
            execution.write("on\n".getBytes(StandardCharsets.US_ASCII), 0, 3);
            execution.detach();
        }
        byte[] bytes = Files.readAllBytes(record);
        while (bytes[8] != 2 || bytes[64] != 8) {
            Thread.onSpinWait();
            bytes = Files.readAllBytes(record);
        }
        assertThat(new String(bytes, 4096, 8, StandardCharsets.US_ASCII)).isEqualTo("on\nover\n");
    }

    @Test
    void aNumberIsGivenOnce() throws IOException {
        try (KeptExecution _ = keep(1, directory.resolve("record"), 0, "read line")) {
            assertThatThrownBy(() -> keep(1, directory.resolve("other"), 0, "true"))
                    .hasMessage("stub(the list was refused): EEXIST");
        }
    }
}
