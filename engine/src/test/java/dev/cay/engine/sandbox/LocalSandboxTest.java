package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Exit.Reason;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.container.Unconfined;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands are ordinary processes here: how they are started, fed, read, limited and ended does not depend on walls. */
@Timeout(60)
final class LocalSandboxTest {
    private static final byte[] MUCH = "0123456789abcdef".repeat(200_000).getBytes(StandardCharsets.UTF_8);

    private final Timeouts timeouts = new Timeouts();
    private final AtomicInteger closes = new AtomicInteger();
    private Unconfined unconfined;
    private LocalSandbox sandbox;

    @BeforeEach
    void open() throws SyscallException {
        unconfined = new Unconfined();
        Publication nobody = new Publication(
                () -> {
                    throw new AssertionError("nobody is told");
                },
                unconfined.container(),
                unconfined.spec());
        sandbox =
                new LocalSandbox(unconfined.container(), unconfined.spec(), timeouts, nobody, closes::incrementAndGet);
    }

    @AfterEach
    void close() {
        sandbox.close();
        unconfined.close();
        timeouts.close();
    }

    private static ExecSpec.Builder shell(String script) {
        return ExecSpec.builder("/bin/sh", "-c", script);
    }

    private ExecResult run(String script) {
        return sandbox.exec(shell(script).build());
    }

    @Test
    void aCommandsOutputAndExitCodeAreCaptured() {
        ExecResult result = run("echo out; echo err >&2; exit 3");

        assertThat(result.exit()).isEqualTo(Exit.exited(3));
        assertThat(result.stdout()).isEqualTo("out\n");
        assertThat(result.stderr()).isEqualTo("err\n");
        assertThat(result.truncated()).isFalse();
        assertThat(result.duration()).isPositive();
    }

    @Test
    void withoutInputACommandReadsItsEnd() {
        assertThat(run("cat; echo done").stdout()).isEqualTo("done\n");
    }

    @Test
    void inputAndOutputMayBeLargerThanAnyPipe() {
        ExecResult result = sandbox.exec(ExecSpec.builder("cat").stdin(MUCH).build());

        assertThat(result.exit()).isEqualTo(Exit.exited(0));
        assertThat(result.stdoutBytes()).isEqualTo(MUCH);
    }

    @Test
    void whoStopsReadingItsInputHoldsNobodyUp() {
        ExecResult result = sandbox.exec(
                shell("head -c 4; exec <&-; echo; echo rest").stdin(MUCH).build());
        assertThat(result.stdout()).isEqualTo("0123\nrest\n");
        assertThat(sandbox.exec(ExecSpec.builder("true").stdin(MUCH).build()).exit())
                .isEqualTo(Exit.exited(0));
    }

    @Test
    void bothStreamsAreReadAtOnce() {
        ExecResult result = run("head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero");
        assertThat(result.stdoutBytes()).hasSize(3_000_000);
        assertThat(result.stderrBytes()).hasSize(3_000_000);
    }

    @Test
    void whatIsAboveTheLimitIsReadAndDropped() {
        ExecResult result = sandbox.exec(shell("printf 12345; head -c 2000000 /dev/zero >&2; exit 7")
                .outputLimit(Size.bytes(5))
                .build());

        assertThat(result.exit()).isEqualTo(Exit.exited(7));
        assertThat(result.stdout()).isEqualTo("12345");
        assertThat(result.stderrBytes()).containsExactly(0, 0, 0, 0, 0);
        assertThat(result.truncated()).isTrue();
        assertThat(sandbox.exec(shell("printf 12345").outputLimit(Size.bytes(5)).build())
                        .truncated())
                .isFalse();
        ExecResult none =
                sandbox.exec(shell("printf 1").outputLimit(Size.bytes(0)).build());
        assertThat(none.stdoutBytes()).isEmpty();
        assertThat(none.truncated()).isTrue();
    }

    @Test
    void whoKeepsTheOutputOpenIsNotWaitedFor() {
        ExecResult result = assertTimeoutPreemptively(
                Duration.ofSeconds(10), () -> run("sleep 60 & echo hi; (sleep 0.05; echo soon after) &"));
        assertThat(result.exit()).isEqualTo(Exit.exited(0));
        assertThat(result.stdout()).startsWith("hi\n");
    }

    @Test
    void whoGoesOnWritingIsNotWaitedFor() {
        ExecResult result = assertTimeoutPreemptively(
                Duration.ofSeconds(10),
                () -> sandbox.exec(
                        shell("yes & exit 4").outputLimit(Size.kib(1)).build()));
        assertThat(result.exit()).isEqualTo(Exit.exited(4));
    }

    /** However slowly somebody reads: there is always something to be read. */
    @Test
    void whoGoesOnWritingDoesNotKeepAStreamOpen() {
        try (Execution execution = sandbox.start(shell("yes & exit 4").build())) {
            byte[] bytes = new byte[1 << 16];
            assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
                while (execution.stdout().read(bytes) >= 0) {
                    LockSupport.parkNanos(1_000_000);
                }
            });
            assertThat(execution.await()).isEqualTo(Exit.exited(4));
        }
    }

    @Test
    void whatCannotBeStartedIsAResult() throws IOException {
        ExecResult missing = sandbox.exec("/no/such/program");
        assertThat(missing.exit().reason()).isEqualTo(Reason.SPAWN_FAILED);
        assertThat(missing.exit().shellCode()).isEqualTo(127);
        assertThat(missing.exit().step()).startsWith("execve(/no/such/program): ENOENT (step ");
        assertThat(sandbox.exec("no-such-program").exit().shellCode()).isEqualTo(127);
        assertThat(sandbox.exec("/etc/passwd").exit().shellCode()).isEqualTo(126);

        try (Execution execution = sandbox.start(ExecSpec.of("/no/such/program"))) {
            assertThat(execution.await()).isEqualTo(missing.exit());
            assertThat(execution.stdout().read()).isEqualTo(-1);
        }
    }

    @Test
    void whatRunsTooLongIsEndedPolitely() {
        Exit exit = sandbox.exec(ExecSpec.builder("sleep", "60")
                        .timeout(Duration.ofMillis(100))
                        .build())
                .exit();
        assertThat(exit).isEqualTo(Exit.signalled(Reason.TIMEOUT, 15));
    }

    /** The shell needs a moment before it does not listen. */
    @Test
    void whoDoesNotListenIsKilled() {
        Exit exit = Exit.exited(0);
        for (int milliseconds = 200; exit.signal() != 9 && milliseconds < 20_000; milliseconds *= 4) {
            exit = sandbox.exec(shell("trap '' TERM; while :; do sleep 1; done")
                            .timeout(Duration.ofMillis(milliseconds))
                            .grace(Duration.ofMillis(50))
                            .build())
                    .exit();
        }
        assertThat(exit).isEqualTo(Exit.signalled(Reason.TIMEOUT, 9));
    }

    @Test
    void whoUsesItsGraceHasTimedOutAllTheSame() {
        Exit exit = sandbox.exec(shell("trap 'exit 0' TERM; sleep 60 & wait")
                        .timeout(Duration.ofMillis(200))
                        .grace(Duration.ofMinutes(1))
                        .build())
                .exit();
        assertThat(exit).isEqualTo(Exit.signalled(Reason.TIMEOUT, 15));
        assertThat(exit.shellCode()).isEqualTo(124);
    }

    @Test
    void whoIsInTimeHasNotTimedOut() {
        ExecResult result = sandbox.exec(
                ExecSpec.builder("true").timeout(Duration.ofDays(365)).build());
        assertThat(result.exit()).isEqualTo(Exit.exited(0));
    }

    @Test
    void signalsEndACommandForDifferentReasons() {
        assertThat(run("kill -TERM $$").exit()).isEqualTo(Exit.signalled(Reason.SIGNALLED, 15));
        assertThat(run("kill -KILL $$").exit()).isEqualTo(Exit.signalled(Reason.SIGNALLED, 9));
        try (Execution execution = sandbox.start(ExecSpec.of("sleep", "60"))) {
            execution.kill();
            assertThat(execution.await()).isEqualTo(Exit.signalled(Reason.KILLED, 9));
            execution.kill();
            execution.signal(15);
            assertThat(execution.await()).isEqualTo(Exit.signalled(Reason.KILLED, 9));
        }
        unconfined.runOutOfMemory();
        assertThat(run("kill -KILL $$").exit()).isEqualTo(Exit.signalled(Reason.OOM, 9));
    }

    @Test
    void aSignalReachesTheCommand() {
        try (Execution execution = sandbox.start(ExecSpec.of("sleep", "60"))) {
            for (int bad : new int[] {0, -1, 65, Integer.MIN_VALUE}) {
                assertThatThrownBy(() -> execution.signal(bad)).isInstanceOf(SandboxException.InvalidSpec.class);
            }
            execution.signal(12);
            assertThat(execution.await()).isEqualTo(Exit.signalled(Reason.SIGNALLED, 12));
        }
    }

    @Test
    void aCommandCanBeTalkedWith() throws IOException {
        try (Execution execution = sandbox.start(ExecSpec.of("cat"))) {
            byte[] line = new byte[6];
            execution.stdin().write("hello\n".getBytes(StandardCharsets.UTF_8));
            assertThat(execution.stdout().readNBytes(line, 0, 6)).isEqualTo(6);
            assertThat(line).asString(StandardCharsets.UTF_8).isEqualTo("hello\n");
            execution.stdin().close();
            assertThat(execution.stdout().read()).isEqualTo(-1);
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
    }

    @Test
    void waitingForAnEndMayHaveAnEnd() {
        try (Execution execution = sandbox.start(ExecSpec.of("cat"))) {
            assertThat(execution.await(Duration.ZERO)).isEmpty();
            assertThat(execution.await(Duration.ofMillis(-5))).isEmpty();
            assertThat(execution.await(Duration.ofMillis(5))).isEmpty();
            execution.kill();
            assertThat(execution.await(Duration.ofSeconds(30))).hasValue(Exit.signalled(Reason.KILLED, 9));
        }
    }

    @Test
    void waitingForVeryLongIsWaiting() throws Exception {
        Duration forever = ChronoUnit.FOREVER.getDuration();
        try (Execution execution = sandbox.start(ExecSpec.of("cat"));
                Execution other = sandbox.start(ExecSpec.of("cat"));
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Optional<Exit>> parked = threads.submit(() -> other.await(forever));
            execution.stdin().close();
            assertThat(execution.await(forever)).hasValue(Exit.exited(0));
            assertThat(execution.await(forever.negated())).hasValue(Exit.exited(0));
            other.stdin().close();
            assertThat(parked.get()).hasValue(Exit.exited(0));
        }
    }

    @Test
    void closingACommandKillsIt() {
        Execution execution = sandbox.start(ExecSpec.of("sleep", "60"));
        execution.close();
        execution.close();
        execution.signal(9);
        execution.kill();

        assertThat(execution.await()).isEqualTo(Exit.signalled(Reason.KILLED, 9));
        assertThat(execution.await(Duration.ZERO)).hasValue(Exit.signalled(Reason.KILLED, 9));
        assertThatThrownBy(() -> execution.stdout().read()).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> execution.stdin().write(1)).isInstanceOf(IOException.class);
    }

    @Test
    void closingASandboxEndsItsCommands() {
        Execution execution = sandbox.start(ExecSpec.of("sleep", "60"));
        sandbox.close();
        sandbox.close();

        assertThat(execution.await()).isEqualTo(Exit.signalled(Reason.KILLED, 9));
        assertThat(closes).hasPositiveValue();
        assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Closed.class);
        assertThatThrownBy(() -> sandbox.start(ExecSpec.of("true"))).isInstanceOf(SandboxException.Closed.class);
        assertThatThrownBy(sandbox::usage).isInstanceOf(SandboxException.Closed.class);
    }

    @Test
    void aSandboxMayBeClosedWhileACommandIsCaptured(@TempDir Path directory) throws Exception {
        Path begun = directory.resolve("begun");
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
            Future<ExecResult> result = threads.submit(() -> run("echo begun; echo > " + begun + "; yes >&2"));
            while (!Files.exists(begun)) {
                Thread.sleep(1);
            }
            sandbox.close();
            assertThat(result.get().exit()).isEqualTo(Exit.signalled(Reason.KILLED, 9));
            assertThat(result.get().stdout()).isEqualTo("begun\n");
        }
    }

    @Test
    void aSandboxMayBeClosedWhileAStreamIsRead() throws Exception {
        try (ExecutorService threads = Executors.newSingleThreadExecutor();
                Execution execution = sandbox.start(ExecSpec.of("sleep", "60"))) {
            Future<Integer> read = threads.submit(() -> {
                try {
                    return execution.stdout().read();
                } catch (IOException e) {
                    return -1;
                }
            });
            Thread.sleep(20);
            sandbox.close();
            assertThat(read.get()).isEqualTo(-1);
        }
    }

    @Test
    void commandsRunSideBySideFromVirtualThreads() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<ExecResult> first = threads.submit(() -> run("sleep 0.2; echo 1"));
            Future<ExecResult> second = threads.submit(() -> run("echo 2"));
            assertThat(first.get().stdout()).isEqualTo("1\n");
            assertThat(second.get().stdout()).isEqualTo("2\n");
        }
    }
}
