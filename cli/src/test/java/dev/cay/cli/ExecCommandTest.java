package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.TerminalSize;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code exec} and {@code attach}, and the terminal while a command has it. */
@Timeout(20)
class ExecCommandTest {
    private static final byte[] LEAVE = {'a', 'P' & 0x1F, 'Q' & 0x1F};

    private FakeSandboxes engine = FakeSandboxes.exiting(0);
    private Terminal terminal = new Terminal(engine);

    @AfterEach
    void theTerminalIsWhatItWas() {
        engine.executions.forEach(FakeExecution::kill);
        assertThat(terminal.device.isRaw()).isFalse();
    }

    private FakeSandbox play(FakeSandboxes.Program program) {
        engine = new FakeSandboxes(program);
        terminal = new Terminal(engine);
        return engine.box(
                "lab", SandboxSpec.host().detached().workingDirectory("/srv").build());
    }

    private static FakeSandboxes.Program cat(int code) {
        return (stdin, stdout, stderr) -> {
            stdin.transferTo(stdout);
            stderr.write('!');
            return Exit.exited(code);
        };
    }

    private static FakeSandboxes.Program forever() {
        return (stdin, stdout, stderr) -> {
            new CountDownLatch(1).await();
            return Exit.exited(0);
        };
    }

    @Test
    void runsACommandInTheForeground() {
        play(cat(7));
        terminal.in = new ByteArrayInputStream("hello".getBytes(StandardCharsets.UTF_8));

        assertThat(terminal.run(
                        "exec",
                        "-i",
                        "-e",
                        "A=b",
                        "-w",
                        "/tmp",
                        "-u",
                        "nobody",
                        "--timeout",
                        "9s",
                        "lab",
                        "--",
                        "cat",
                        "--",
                        "-x"))
                .isEqualTo(7);

        assertThat(terminal.out()).isEqualTo("hello");
        assertThat(terminal.err()).isEqualTo("!");
        ExecSpec spec = engine.started.get(0);
        assertThat(spec.command()).containsExactly("cat", "--", "-x");
        assertThat(spec.environment()).containsEntry("A", "b");
        assertThat(spec.workingDirectory()).contains("/tmp");
        assertThat(spec.user()).contains("nobody");
        assertThat(spec.timeout()).contains(Duration.ofSeconds(9));
        assertThat(engine.closed).containsExactly("sandbox", "engine");
    }

    @Test
    void saysWhatASandboxIsNot() {
        assertThat(terminal.run("exec", "nothing", "ls")).isEqualTo(125);
        assertThat(terminal.err()).startsWith("cay: error [not-found]: there is no sandbox 'nothing'\nhint: ");
    }

    @Test
    void saysWhyACommandCannotBeRun() {
        play(cat(0));
        engine.spawnFailure = Optional.of(Exit.spawnFailed(2, "openat2(/srv): ENOENT (step 10)"));

        assertThat(terminal.run("exec", "lab", "ls")).isEqualTo(127);
        assertThat(terminal.err()).contains("hint: --workdir /srv must be a directory in the sandbox\n");
        assertThat(terminal.run("exec", "-d", "lab", "ls")).isEqualTo(127);
    }

    @Test
    void writesTheResultForPrograms() {
        play(cat(0));
        terminal.in = new ByteArrayInputStream("in".getBytes(StandardCharsets.UTF_8));

        assertThat(terminal.run("exec", "--format", "json", "lab", "cat")).isZero();
        assertThat(terminal.out())
                .startsWith("{\"id\":\"lab\",\"exit\":{\"reason\":\"exited\",\"code\":0,")
                .contains("\"stdout\":\"in\",\"stderr\":\"!\",\"truncated\":false,")
                .contains(
                        "\"command_usage\":{\"cpu_us\":2000,\"memory_bytes\":4096,\"processes\":0,\"process\":{\"user_us\":1000,\"system_us\":1000,\"memory_peak_bytes\":4096,"
                                + "\"minor_faults\":1,\"major_faults\":2,\"bytes_read\":8192,\"bytes_written\":16384,"
                                + "\"voluntary_switches\":3,\"involuntary_switches\":4}},")
                .contains("\"usage\":{\"cpu_us\":5000,");
    }

    @Test
    void lettingGoPrintsTheNumber() {
        play(forever());

        assertThat(terminal.run("exec", "-d", "lab", "sleep", "9")).isZero();
        assertThat(terminal.run("exec", "-di", "--format=json", "lab", "sleep", "9"))
                .isZero();

        assertThat(terminal.out()).isEqualTo("1\n{\"id\":\"lab\",\"execution\":2}\n");
        assertThat(engine.executions).allMatch(execution -> execution.detached && execution.alive());
        assertThat(engine.executions.get(0).inputClosed).isTrue();
        assertThat(engine.executions.get(1).inputClosed).isFalse();
    }

    @Test
    void aSignalKillsTheCommand() throws InterruptedException {
        play(forever());
        Thread runner = Thread.ofPlatform().start(() -> terminal.run("exec", "lab", "sleep"));
        engine.awaitStart();

        terminal.guard.stop();
        runner.join();

        assertThat(engine.executionsAlive()).isZero();
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void aTerminalIsRawWhileTheCommandHasItAndFollowsItsSize() throws InterruptedException {
        play(forever());
        terminal.interactive();
        terminal.variables.put("TERM", "vt220");
        terminal.in = new BytePipe().in;
        Thread runner = Thread.ofPlatform().start(() -> terminal.run("exec", "-it", "lab", "sh"));
        while (!terminal.device.followed()) {
            Thread.sleep(1);
        }
        assertThat(terminal.device.isRaw()).isTrue();

        terminal.device.resize(new TerminalSize(7, 9));
        terminal.guard.stop();
        runner.join();

        assertThat(terminal.device.done).containsExactly("raw", "restored");
        assertThat(engine.started.get(0).terminal()).contains(new TerminalSize(100, 30));
        assertThat(engine.started.get(0).environment()).containsEntry("TERM", "vt220");
        assertThat(engine.executions.get(0).sizes).containsExactly(new TerminalSize(100, 30), new TerminalSize(7, 9));
        assertThat(engine.executionsAlive()).isZero();
    }

    @Test
    void theKeysLeaveTheCommand() {
        play(forever());
        terminal.interactive();
        terminal.in = new ByteArrayInputStream(LEAVE);

        assertThat(terminal.run("exec", "-it", "lab", "sh")).isZero();

        assertThat(terminal.err()).contains("cay: left the command; it goes on");
        assertThat(engine.executions.get(0).detached).isTrue();
        assertThat(engine.executions.get(0).inputClosed).isFalse();
        assertThat(engine.executionsAlive()).isOne();
    }

    @Test
    void theTerminalIsRestoredBeforeAnErrorIsPrinted() {
        terminal.interactive();

        assertThat(terminal.run("exec", "-t", "nothing", "sh")).isEqualTo(125);
        assertThat(terminal.device.done).containsExactly("raw", "restored");
        assertThat(terminal.err()).startsWith("cay: error [not-found]: ");
    }

    @Test
    void aTerminalThatCannotBeRawIsAnError() {
        play(cat(0));
        terminal.interactive();
        terminal.device.failure =
                Optional.of(new SandboxException.HostFailed("no stty", "install it", new IOException()));

        assertThat(terminal.run("exec", "-t", "lab", "sh")).isEqualTo(125);
        assertThat(engine.started).isEmpty();
    }

    @Test
    void runGivesATerminalToo() {
        play(cat(5));
        terminal.interactive();
        terminal.in = new ByteArrayInputStream(LEAVE);

        assertThat(terminal.run("run", "-it", "--", "sh")).isEqualTo(5);
        assertThat(terminal.out.toByteArray()).isEqualTo(LEAVE);
        assertThat(terminal.device.done).containsExactly("raw", "restored");
        assertThat(engine.started.get(0).terminal()).contains(new TerminalSize(100, 30));
    }

    @Test
    void aTerminalForTheCommandNeedsNoneOfOurs() {
        play(cat(5));

        assertThat(terminal.run("run", "-t", "--", "sh")).isEqualTo(5);
        assertThat(engine.started.get(0).terminal()).contains(TerminalSize.STANDARD);
        assertThat(terminal.device.done).isEmpty();
    }

    @Test
    void attachTakesUpACommand() {
        FakeSandbox box = play(cat(4));
        box.running(ExecSpec.of("cat"));
        terminal.in = new ByteArrayInputStream("typed".getBytes(StandardCharsets.UTF_8));

        assertThat(terminal.run("attach", "lab")).isEqualTo(4);
        assertThat(terminal.out()).isEqualTo("typed");
    }

    @Test
    void attachWithoutInputOnlyListens() {
        FakeSandbox box = play((stdin, stdout, stderr) -> {
            stdout.write('o');
            return Exit.exited(0);
        });
        FakeExecution execution = box.running(ExecSpec.of("cat"));

        assertThat(terminal.run("attach", "--no-stdin", "lab")).isZero();
        assertThat(terminal.out()).isEqualTo("o");
        assertThat(execution.inputClosed).isFalse();
    }

    @Test
    void attachFindsTheCommandOrSaysThatThereIsNone() {
        FakeSandbox box = play(cat(4));

        assertThat(terminal.run("attach", "lab")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo(
                        "cay: error [not-found]: the sandbox 'lab' has no command 1\nhint: start it: cay start lab\n");
        box.running(ExecSpec.of("one"));
        box.running(ExecSpec.of("two"));
        assertThat(terminal.run("attach", "lab", "--execution", "2")).isEqualTo(4);
        assertThat(terminal.run("attach", "lab", "--execution", "3")).isEqualTo(125);
        assertThat(terminal.err()).contains("hint: see which it has: cay inspect lab\n");
    }

    @Test
    void attachDrawsTheScreenAnewAndLeaves() {
        FakeSandbox box = play(forever());
        FakeExecution execution = box.running(
                ExecSpec.builder("vi").terminal(TerminalSize.STANDARD).build());
        terminal.interactive();
        terminal.in = new ByteArrayInputStream(LEAVE);

        assertThat(terminal.run("attach", "lab")).isZero();
        assertThat(execution.sizes).containsExactly(new TerminalSize(100, 31), new TerminalSize(100, 30));
        assertThat(execution.detached).isTrue();
        assertThat(execution.alive()).isTrue();
        assertThat(terminal.device.done).containsExactly("raw", "restored");
    }

    @Test
    void aSignalOnlyLeavesWhatIsAttached() throws InterruptedException {
        FakeSandbox box = play(forever());
        FakeExecution execution = box.running(ExecSpec.of("sleep"));
        terminal.in = new BytePipe().in;
        Thread runner = new Thread(() -> terminal.run("attach", "lab"));
        runner.setDaemon(true);
        runner.start();
        while (!execution.attached) { // a command that is stopped sooner attaches nothing
            Thread.sleep(1);
        }
        while (!execution.detached) {
            Thread.sleep(1);
            terminal.guard.stop();
        }

        assertThat(execution.alive()).isTrue();
        execution.kill();
        runner.join();
    }

    @Test
    void aReaderWhoHasSeenEnoughLeavesWhatIsAttached() {
        FakeSandbox box = play((stdin, stdout, stderr) -> {
            stdout.write(new byte[100]);
            new CountDownLatch(1).await();
            return Exit.exited(0);
        });
        FakeExecution execution = box.running(ExecSpec.of("yes"));
        terminal.brokenOut = Optional.of(Terminal.failingAfter(10, "Broken pipe"));
        terminal.pipes = true;

        assertThat(terminal.run("attach", "--no-stdin", "lab")).isEqualTo(141);
        assertThat(execution.detached).isTrue();
        assertThat(execution.alive()).isTrue();
    }
}
