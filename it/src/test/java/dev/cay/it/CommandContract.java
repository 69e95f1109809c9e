package dev.cay.it;

import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Size;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** How a command ends is reported as what it was, and its streams carry every byte. */
interface CommandContract extends SandboxContract {
    @Test
    default void exitCodes() {
        Sandbox sandbox = sandbox(false);
        for (int code : new int[] {0, 1, 42, 125, 126, 127, 128, 137, 255}) {
            Exit exit = sandbox.exec("sh", "-c", "exit " + code).exit();
            assertThat(exit).isEqualTo(Exit.exited(code));
            assertThat(exit.shellCode()).isEqualTo(code);
        }
    }

    /** V3: death by a signal is a signal, not a code. */
    @Test
    default void v3SignalsAreSignals() {
        Sandbox sandbox = sandbox(false);
        for (int signal : new int[] {1, 2, 6, 9, 11, 15, 34}) {
            Exit exit = sandbox.exec("sh", "-c", "kill -" + signal + " $$; sleep 10")
                    .exit();
            assertThat(exit).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, signal));
            assertThat(exit.shellCode()).isEqualTo(128 + signal);
        }
    }

    /** V2, V8: what cannot be started says why, with the step, and is a result. */
    @Test
    default void v8FailedStartsNameTheStep() {
        Sandbox sandbox = sandbox(false);
        sh(
                sandbox,
                "cd /tmp; echo x > data; mkdir dir; printf '#!/no/such\\n' > script; chmod 755 script;"
                        + " ln -s /tmp/loop loop; head -c 100 /dev/urandom > junk; chmod 755 junk");
        failsToStart(sandbox, ExecSpec.of("/no/such/program"), 2, "ENOENT", 127);
        failsToStart(sandbox, ExecSpec.of("no-such-program"), 2, "ENOENT", 127);
        failsToStart(sandbox, ExecSpec.of("/tmp/script"), 2, "ENOENT", 127);
        failsToStart(sandbox, ExecSpec.of("/tmp/data"), 13, "EACCES", 126);
        failsToStart(sandbox, ExecSpec.of("/tmp/dir"), 13, "EACCES", 126);
        failsToStart(sandbox, ExecSpec.of("/tmp/junk"), 8, "ENOEXEC", 126);
        failsToStart(sandbox, ExecSpec.of("/tmp/loop"), 40, "ELOOP", 126);
        failsToStart(sandbox, ExecSpec.of("/tmp/data/x"), 20, "ENOTDIR", 126);
        ExecSpec badDirectory =
                ExecSpec.builder("true").workingDirectory("/no/such").build();
        Exit exit = failsToStart(sandbox, badDirectory, 2, "ENOENT", 127);
        assertThat(exit.step()).contains("(/no/such): ENOENT (step ");
        ExecSpec noEntry =
                ExecSpec.builder("true").workingDirectory("/root").user("user").build();
        assertThat(failsToStart(sandbox, noEntry, 13, "EACCES", 126).step()).startsWith("fchdir");
        sh(sandbox, "rm -r /tmp/data /tmp/dir /tmp/script /tmp/loop /tmp/junk");
    }

    private static Exit failsToStart(Sandbox sandbox, ExecSpec command, int errno, String name, int shellCode) {
        Exit exit = sandbox.exec(command).exit();
        assertThat(exit.reason()).as("%s", command.command()).isEqualTo(Exit.Reason.SPAWN_FAILED);
        assertThat(exit.errno()).as(exit.step()).isEqualTo(errno);
        assertThat(exit.step()).matches("[a-z0-9_]+(\\(.*\\))?: " + name + " \\(step [0-9]+\\)");
        assertThat(exit.shellCode()).as(exit.step()).isEqualTo(shellCode);
        try (Execution execution = sandbox.start(command)) {
            assertThat(execution.await()).isEqualTo(exit);
            assertThat(Lab.rest(execution.stdout())).isEmpty();
        }
        return exit;
    }

    /** V5: a timeout is told apart from other ends; it is polite first and takes the descendants along. */
    @Test
    default void v5TimeoutsKillTheDescendantsToo() {
        Sandbox sandbox = sandbox(false);
        ExecSpec polite = ExecSpec.builder("sleep", "100").timeout(moment()).build();
        assertThat(sandbox.exec(polite).exit()).isEqualTo(Exit.signalled(Exit.Reason.TIMEOUT, 15));
        ExecSpec deaf = ExecSpec.builder("sh", "-c", "trap '' TERM; setsid sleep 1234 & sleep 1234; sleep 1234")
                .timeout(moment())
                .grace(Duration.ofMillis(100))
                .build();
        Exit exit = sandbox.exec(deaf).exit();
        assertThat(exit).isEqualTo(Exit.signalled(Exit.Reason.TIMEOUT, 9));
        assertThat(exit.shellCode()).isEqualTo(124);
        assertThat(sh(sandbox, "sleep 0.2; ps ax | grep -c '[s]leep 1234' || true"))
                .isEqualTo("0");
    }

    @Test
    default void killedByTheCaller() {
        Sandbox sandbox = sandbox(false);
        try (Execution execution =
                sandbox.start(ExecSpec.of("sh", "-c", "setsid sleep 4321 & echo on; exec sleep 4321"))) {
            assertThat(Lab.line(execution.stdout())).isEqualTo("on");
            assertThat(execution.await(Duration.ofMillis(50))).isEmpty();
            execution.kill();
            assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
            assertThat(sh(sandbox, "sleep 0.2; ps ax | grep -c '[s]leep 4321' || true"))
                    .isEqualTo("0");
            execution.kill();
            execution.signal(15);
        }
    }

    @Test
    default void signalsReachTheCommand() {
        try (Execution execution = sandbox(false)
                .start(ExecSpec.of(
                        "sh", "-c", "trap 'echo got; exit 7' USR1; echo ready; while :; do sleep 0.02; done"))) {
            assertThat(Lab.line(execution.stdout())).isEqualTo("ready");
            execution.signal(10);
            assertThat(execution.await()).isEqualTo(Exit.exited(7));
            assertThat(Lab.rest(execution.stdout()).trim()).isEqualTo("got");
            for (int number : new int[] {0, -1, 65, Integer.MAX_VALUE}) {
                assertThatThrownBy(() -> execution.signal(number)).isInstanceOf(SandboxException.InvalidSpec.class);
            }
        }
    }

    /** V6, N5: neither the exit nor the end of the streams waits for a descendant that holds the pipes. */
    @Test
    default void v6ADescendantThatHoldsThePipesDelaysNothing() {
        Sandbox sandbox = sandbox(false);
        ExecResult result = sandbox.exec("sh", "-c", "sleep 2345 & echo done");
        assertThat(result.exit()).isEqualTo(Exit.exited(0));
        assertThat(result.stdout()).isEqualTo("done\n");
        try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "sleep 2345 & echo done"))) {
            assertThat(Lab.rest(execution.stdout())).isEqualTo("done\n");
            assertThat(execution.await(Duration.ofSeconds(20))).contains(Exit.exited(0));
        }
        sh(sandbox, "ps ax | grep '[s]leep 2345' | while read process rest; do kill $process; done");
    }

    @Test
    default void inputIsStreamedAndEnds() throws IOException {
        try (Execution cat = sandbox(false).start(ExecSpec.of("cat"))) {
            for (String line : new String[] {"one", "two", "three"}) {
                cat.stdin().write((line + "\n").getBytes(StandardCharsets.UTF_8));
                assertThat(Lab.line(cat.stdout())).isEqualTo(line);
            }
            // V7: after the end of the input everything else goes on.
            cat.stdin().close();
            assertThat(Lab.rest(cat.stdout())).isEmpty();
            assertThat(cat.await()).isEqualTo(Exit.exited(0));
        }
    }

    @Test
    default void inputThatNobodyReadsHoldsUpNothing() throws IOException {
        Sandbox sandbox = sandbox(false);
        byte[] much = new byte[1 << 20];
        Arrays.fill(much, (byte) 'x');
        assertThat(sandbox.exec(ExecSpec.builder("true").stdin(much).build()).exit())
                .isEqualTo(Exit.exited(0));
        assertThat(sandbox.exec(ExecSpec.builder("wc", "-c").stdin(much).build())
                        .stdout()
                        .trim())
                .isEqualTo(Integer.toString(much.length));
        try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "sleep 0.1"))) {
            assertThatThrownBy(() -> execution.stdin().write(much)).isInstanceOf(IOException.class);
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
    }

    @Test
    default void allOutputArrivesAndALimitIsKept() {
        Sandbox sandbox = sandbox(false);
        ExecResult all = sandbox.exec("sh", "-c", "head -c 1000000 /dev/zero; head -c 500000 /dev/zero >&2");
        assertThat(all.stdoutBytes()).hasSize(1_000_000);
        assertThat(all.stderrBytes()).hasSize(500_000);
        assertThat(all.truncated()).isFalse();
        ExecResult cut = sandbox.exec(ExecSpec.builder("sh", "-c", "head -c 1000000 /dev/zero; echo end >&2")
                .outputLimit(Size.kib(10))
                .build());
        assertThat(cut.stdoutBytes()).hasSize(10 << 10);
        assertThat(cut.stderr()).isEqualTo("end\n");
        assertThat(cut.truncated()).isTrue();
        assertThat(cut.exit()).isEqualTo(Exit.exited(0));
    }

    @Test
    default void environmentAndWorkingDirectory() {
        Sandbox sandbox = sandbox(false);
        ExecSpec command = ExecSpec.builder("sh", "-c", "echo $A $B \"$C\"; pwd; env | wc -l")
                .environment("B", "command")
                .environment("C", "with = and\nnewline and ü")
                .workingDirectory("/usr/bin")
                .build();
        assertThat(sandbox.exec(command).stdout().lines().limit(3))
                .containsExactly("sandbox command with = and", "newline and ü", "/usr/bin");
        String environment = sh(sandbox, "pwd; env | sort | grep -v ^_=");
        assertThat(environment)
                .startsWith("/usr\n")
                .contains("HOME=/root", "\nLOGNAME=root\n", "\nUSER=root", "\nSHELL=/bin/")
                .contains("HOSTNAME=" + sandbox.id())
                .contains("PATH=/usr/local/sbin");
        System.getenv().keySet().stream()
                .filter(name -> !Arrays.asList(
                                "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME")
                        .contains(name))
                .forEach(name -> assertThat(environment).doesNotContain("\n" + name + "="));
    }

    @Test
    default void argumentsArriveUnchanged() {
        String[] odd = {
            "printf", "[%s]", "", " ", "a b", "\n", "*", "$HOME", "'\"\\", "äöü€𝄞", "-n", "x".repeat(100_000)
        };
        ExecResult result = sandbox(false).exec(ExecSpec.of(odd));
        assertThat(result.stdout()).isEqualTo("[" + String.join("][", Arrays.copyOfRange(odd, 2, odd.length)) + "]");
    }

    @Test
    default void theExitIsKeptAfterTheClose() {
        Execution execution = sandbox(false).start(ExecSpec.of("sleep", "1000"));
        execution.close();
        execution.close();
        assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        assertThat(execution.await(Duration.ZERO)).isEqualTo(Optional.of(Exit.signalled(Exit.Reason.KILLED, 9)));
    }
}
