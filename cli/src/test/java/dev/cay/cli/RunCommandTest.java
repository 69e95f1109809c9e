package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Exit;
import dev.cay.Exit.Reason;
import dev.cay.Root;
import dev.cay.SandboxException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class RunCommandTest {
    private FakeSandboxes engine = FakeSandboxes.exiting(0);

    @AfterEach
    void nothingIsLeft() {
        assertThat(engine.executionsAlive()).isZero();
        if (!engine.created.isEmpty()) {
            assertThat(engine.closed).contains("sandbox", "engine");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 42, 124, 125, 255})
    void exitsAsTheCommandDoes(int code) {
        Terminal terminal = terminal((stdin, stdout, stderr) -> Exit.exited(code));

        assertThat(terminal.run("run", "--", "sh")).isEqualTo(code);
        assertThat(terminal.out()).isEmpty();
        assertThat(terminal.err()).isEmpty();
        assertThat(engine.closed).containsExactly("sandbox", "engine");
    }

    @Test
    void passesOutputOnWithoutChangingAByte() {
        byte[] bytes = new byte[300_000];
        new Random(7).nextBytes(bytes);
        Terminal terminal = terminal((stdin, stdout, stderr) -> {
            stdout.write(bytes);
            stderr.write(bytes, 0, 1000);
            stderr.write("caf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
            return Exit.exited(3);
        });

        assertThat(terminal.run("run", "--", "sh")).isEqualTo(3);
        assertThat(terminal.out.toByteArray()).isEqualTo(bytes);
        assertThat(terminal.err.size()).isEqualTo(1005);
    }

    @Test
    void passesOutputOnAsItComes() throws InterruptedException {
        CountDownLatch seen = new CountDownLatch(1);
        Terminal terminal = terminal((stdin, stdout, stderr) -> {
            stdout.write("prompt> ".getBytes(StandardCharsets.UTF_8));
            seen.await();
            return Exit.exited(0);
        });
        Thread runner = Thread.ofPlatform().start(() -> terminal.run("run", "--", "sh"));

        while (!terminal.out().equals("prompt> ")) {
            Thread.sleep(1);
        }
        seen.countDown();
        runner.join();
    }

    @Test
    void passesInputOnToItsEnd() {
        Terminal terminal = terminal(RunCommandTest::cat);
        byte[] bytes = new byte[200_000];
        new Random(8).nextBytes(bytes);
        terminal.in = new ByteArrayInputStream(bytes);

        assertThat(terminal.run("run", "--", "cat")).isZero();
        assertThat(terminal.out.toByteArray()).isEqualTo(bytes);
    }

    @Test
    void doesNotWaitForAPersonWhoTypesNothing() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> Exit.exited(5));
        terminal.in = new BytePipe().in;

        assertThat(terminal.run("run", "--", "true")).isEqualTo(5);
    }

    @Test
    void aCommandThatDoesNotReadItsInputIsNoError() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> {
            stdin.close();
            stdout.write('x');
            return Exit.exited(0);
        });
        terminal.in = new ByteArrayInputStream(new byte[1_000_000]);

        assertThat(terminal.run("run", "--", "true")).isZero();
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void anInputThatCannotBeReadIsAnEmptyOne() throws IOException {
        Terminal terminal = terminal(RunCommandTest::cat);
        BytePipe closed = new BytePipe();
        closed.in.close();
        terminal.in = closed.in;

        assertThat(terminal.run("run", "--", "cat")).isZero();
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void aReaderWhoHasSeenEnoughEndsTheCommandQuietly() {
        Terminal terminal = terminal(RunCommandTest::yes);
        terminal.brokenOut = Optional.of(Terminal.failingAfter(2, "Daten\u00fcbergabe unterbrochen (broken pipe)"));
        terminal.pipes = true;

        assertThat(terminal.run("run", "--", "yes")).isEqualTo(141);
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void aReaderOfErrorsWhoHasSeenEnoughDoesToo() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> yes(stdin, stderr, stdout));
        terminal.brokenErr = Optional.of(Terminal.failingAfter(2, "Broken pipe"));
        terminal.pipes = true;

        assertThat(terminal.run("run", "--", "yes")).isEqualTo(141);
    }

    @Test
    void aFullDiskEndsTheCommandLoudly() {
        Terminal terminal = terminal(RunCommandTest::yes);
        terminal.brokenOut = Optional.of(Terminal.failingAfter(1000, "No space left on device"));

        assertThat(terminal.run("run", "--", "yes")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo("cay: error [host-failed]: cannot write to standard output: No space left on device\n");
    }

    @Test
    void saysThatTheTimeIsUp() {
        Terminal terminal = terminal(Exit.signalled(Reason.TIMEOUT, 9));

        assertThat(terminal.run("run", "--timeout", "90", "--", "sleep")).isEqualTo(124);
        assertThat(terminal.err())
                .isEqualTo("cay: the command was killed: it ran too long (limit 90s)\nhint: raise --timeout\n");
        assertThat(engine.started.get(0).timeout()).contains(Duration.ofSeconds(90));
    }

    @Test
    void saysThatMemoryIsUsedUp() {
        Terminal terminal = terminal(Exit.signalled(Reason.OOM, 9));

        assertThat(terminal.run("run", "--memory", "64m", "--", "hog")).isEqualTo(137);
        assertThat(terminal.err()).isEqualTo("""
                cay: the command was killed: out of memory (limit 64m)
                hint: raise --memory; files written to memory count too
                """);
    }

    @Test
    void saysThatTheMachineIsOutOfMemory() {
        Terminal terminal = terminal(Exit.signalled(Reason.OOM, 9));

        assertThat(terminal.run("run", "--", "hog")).isEqualTo(137);
        assertThat(terminal.err())
                .startsWith("cay: the command was killed: this machine is out of memory\nhint: set --memory");
    }

    @Test
    void saysThatTheCommandWasKilledButNotThatItDied() {
        assertThat(terminal(Exit.signalled(Reason.KILLED, 9)).run("run", "--", "sh"))
                .isEqualTo(137);

        Terminal terminal = terminal(Exit.signalled(Reason.KILLED, 9));
        terminal.run("run", "--", "sh");
        assertThat(terminal.err()).isEqualTo("cay: the command was killed\n");

        Terminal other = terminal(Exit.signalled(Reason.SIGNALLED, 11));
        assertThat(other.run("run", "--", "sh")).isEqualTo(139);
        assertThat(other.err()).isEmpty();
    }

    @Test
    void saysWhyACommandCannotBeRun() {
        assertSpawnFailure(2, "execve: ENOENT (step 21)", "foo", 127, "it is not in the sandbox's PATH");
        assertSpawnFailure(2, "execve: ENOENT (step 21)", "./foo", 127, "there is no such file in the sandbox");
        assertSpawnFailure(2, "execve: ENOENT (step 21)", "echo hi", 127, "cay run -- sh -c 'echo hi'");
        assertSpawnFailure(13, "execve: EACCES (step 21)", "/etc/passwd", 126, "make it executable");
        assertSpawnFailure(8, "execve: ENOEXEC (step 21)", "/x", 126, "it is no program for this machine");
        assertSpawnFailure(2, "openat2(/): ENOENT (step 10)", "sh", 127, "--workdir / must be a directory");
        assertSpawnFailure(7, "execve: E2BIG (step 21)", "sh", 126, "");
        assertSpawnFailure(1, "setgroups: EPERM (step 9)", "sh", 126, "");
    }

    /** It is said how to look where the command was to run. */
    @Test
    void whereAProgramIsMissingIsWhereToLook() {
        Terminal image = terminal(Exit.spawnFailed(2, "execve: ENOENT (step 21)"));
        image.run("run", "--entrypoint=", "debian:12", "--", "foo");
        assertThat(image.err()).endsWith("see what is there: cay run --entrypoint= debian:12 -- ls /usr/bin\n");
        Terminal root = terminal(Exit.spawnFailed(2, "execve: ENOENT (step 21)"));
        root.run("run", "--rootfs", "/", "--", "foo bar");
        assertThat(root.err()).endsWith("to run a line of shell: cay run --rootfs / -- sh -c 'foo bar'\n");
    }

    private void assertSpawnFailure(int errno, String step, String program, int code, String hint) {
        Terminal terminal = terminal(Exit.spawnFailed(errno, step));

        assertThat(terminal.run("run", "--", program)).isEqualTo(code);
        assertThat(terminal.err())
                .startsWith("cay: cannot run '" + program + "': " + step + "\n")
                .contains(hint);
        assertThat(terminal.err().contains("hint: ")).isEqualTo(!hint.isEmpty());
    }

    @Test
    void aSignalEndsEverythingWithoutAWord() throws InterruptedException {
        Terminal terminal = terminal((stdin, stdout, stderr) -> {
            new CountDownLatch(1).await();
            return Exit.exited(0);
        });
        Thread runner = Thread.ofPlatform().start(() -> terminal.run("run", "--format", "json", "--", "sleep"));
        engine.awaitStart();

        terminal.guard.stop();
        runner.join();

        assertThat(terminal.guard.finish()).isFalse();
        assertThat(terminal.out()).isEmpty();
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void failingToCleanUpIsAFailure() {
        Terminal terminal = terminal(Exit.exited(0));
        engine.closeFailure = Optional.of(new SandboxException.HostFailed("rmdir: EBUSY", "", new IOException()));

        assertThat(terminal.run("run", "--", "true")).isEqualTo(125);
        assertThat(terminal.err()).isEqualTo("cay: error [host-failed]: rmdir: EBUSY\n");
    }

    @Test
    void writesTheResultForPrograms() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> {
            stdin.transferTo(stdout);
            stderr.write(new byte[] {(byte) 0xFF, 0});
            return Exit.exited(7);
        });
        terminal.in = new ByteArrayInputStream("in\u001b\n".getBytes(StandardCharsets.UTF_8));

        assertThat(terminal.run("run", "--format", "json", "--", "cat")).isEqualTo(7);
        assertThat(terminal.out().replaceFirst("\"duration_ms\":[0-9]+", "\"duration_ms\":1"))
                .isEqualTo("{\"id\":\"box-1\","
                        + "\"exit\":{\"reason\":\"exited\",\"code\":7,\"signal\":0,\"errno\":0,\"step\":\"\",\"core\":false},"
                        + "\"stdout\":\"in\\u001b\\n\",\"stderr_base64\":\"/wA=\",\"truncated\":false,\"duration_ms\":1,"
                        + "\"command_usage\":{\"cpu_us\":2000,\"memory_bytes\":4096,\"processes\":0,\"process\":{\"user_us\":1000,\"system_us\":1000,\"memory_peak_bytes\":4096,"
                        + "\"minor_faults\":1,\"major_faults\":2,\"bytes_read\":8192,\"bytes_written\":16384,"
                        + "\"voluntary_switches\":3,\"involuntary_switches\":4}},"
                        + "\"usage\":{\"cpu_us\":5000,\"memory_bytes\":2097152,\"memory_peak_bytes\":3145728,\"processes\":1,"
                        + "\"oom_kills\":0,\"bytes_read\":4096}}\n");
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void writesHowACommandFailedForProgramsOnly() {
        Terminal terminal = terminal(Exit.spawnFailed(2, "execve: ENOENT (step 21)"));

        assertThat(terminal.run("run", "--format", "json", "--", "foo")).isEqualTo(127);
        assertThat(terminal.out())
                .contains(
                        "\"exit\":{\"reason\":\"spawn-failed\",\"code\":-1,\"signal\":0,\"errno\":2,\"step\":\"execve: ENOENT (step 21)\",\"core\":false}");
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void keepsNoMoreThanTheOutputLimit() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> {
            stdout.write(new byte[100_000]);
            stderr.write("abcdef".getBytes(StandardCharsets.UTF_8));
            return Exit.exited(0);
        });

        assertThat(terminal.run("run", "--format", "json", "--output-limit", "4", "--", "sh"))
                .isZero();
        assertThat(terminal.out())
                .contains("\"stdout\":\"\\u0000\\u0000\\u0000\\u0000\",\"stderr\":\"abcd\",\"truncated\":true");
    }

    @Test
    void aResultThatNobodyReadsIsNoError() {
        Terminal terminal = terminal(Exit.exited(0));
        terminal.brokenOut = Optional.of(Terminal.failingAfter(5, "Broken pipe"));
        terminal.pipes = true;

        assertThat(terminal.run("run", "--format", "json", "--", "true")).isEqualTo(141);
        assertThat(terminal.err()).isEmpty();
    }

    private Terminal terminal(Exit exit) {
        return terminal((stdin, stdout, stderr) -> exit);
    }

    private Terminal terminal(FakeSandboxes.Program program) {
        engine = new FakeSandboxes(program);
        return new Terminal(engine);
    }

    private static Exit cat(InputStream stdin, OutputStream stdout, OutputStream stderr) throws IOException {
        stdin.transferTo(stdout);
        return Exit.exited(0);
    }

    private static Exit yes(InputStream stdin, OutputStream stdout, OutputStream stderr) throws IOException {
        byte[] yes = "y\n".repeat(4096).getBytes(StandardCharsets.UTF_8);
        while (true) {
            stdout.write(yes);
        }
    }

    @Test
    void anImageIsBroughtHereAndItsCommandRun() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> Exit.exited(0));

        assertThat(terminal.run("run", "debian")).isZero();
        assertThat(terminal.run("run", "debian", "x")).isZero();

        assertThat(engine.images.calls).containsExactly("pull debian");
        assertThat(engine.created.get(0).root()).isEqualTo(Root.image("debian"));
        assertThat(engine.started.get(0).command()).containsExactly("/entry", "a", "b");
        assertThat(engine.started.get(1).command()).containsExactly("/entry", "x");
    }

    @Test
    void aProgramOfThisMachineIsNoImage() {
        Terminal terminal = terminal((stdin, stdout, stderr) -> Exit.exited(0));
        engine.images.failure = Optional.of(new SandboxException.NotFound("no such thing", ""));
        Path program = Path.of(System.getProperty("java.home"), "bin", "java");

        assertThat(terminal.run("run", program.toString())).isEqualTo(125);
        assertThat(terminal.err()).contains("no such thing", "hint: to run that program", "cay run -- " + program);
        assertThat(terminal.run("run", "--pull", "never", "nowhere/at/all")).isEqualTo(125);
        assertThat(terminal.err()).contains("there is no image nowhere/at/all");
    }
}
