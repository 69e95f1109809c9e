package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A command in a terminal: a pseudoterminal whose other end the first process has, in a detached sandbox and in others. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TerminalTest {
    private static Sandbox make(Sandboxes engine, boolean detached) {
        SandboxSpec.Builder builder = SandboxSpec.host();
        return engine.create(
                detached ? builder.name("cay-it-terminal").detached().build() : builder.build());
    }

    private static Execution start(Sandbox sandbox, String... command) {
        return sandbox.start(
                ExecSpec.builder(command).terminal(new TerminalSize(100, 30)).build());
    }

    private static void type(Execution execution, String text) throws IOException {
        execution.stdin().write(text.getBytes(StandardCharsets.UTF_8));
        execution.stdin().flush();
    }

    /** Reads up to and with a text, which must come. */
    private static String until(Execution execution, String text) throws IOException {
        StringBuilder read = new StringBuilder();
        while (!read.toString().contains(text)) {
            int next = execution.stdout().read();
            assertThat(next).as("the end, after: %s", read).isNotNegative();
            read.append((char) next);
        }
        return read.toString();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void isTheControllingTerminalOfItsOwnSession(boolean detached, Sandboxes engine) throws IOException {
        Sandbox sandbox = make(engine, detached);
        String script = "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; "
                + "echo through > /dev/tty; ps -o pid=,sid=,tpgid= -p $$; echo $$; echo error >&2";
        try (Execution execution = start(sandbox, "sh", "-c", script)) {
            String[] lines = Lab.rest(execution.stdout()).split("\r\n");
            assertThat(lines[0]).startsWith("/dev/pts/");
            assertThat(lines[1]).isEqualTo("30 100");
            assertThat(lines[2]).isEqualTo("all");
            assertThat(lines[3]).isEqualTo("through");
            assertThat(lines[4].trim().split(" +")).containsOnly(lines[5]);
            assertThat(lines[6]).isEqualTo("error");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
            assertThat(Lab.rest(execution.stderr())).isEmpty();
        }
        sandbox.remove();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aNewSizeIsTold(boolean detached, Sandboxes engine) throws IOException {
        Sandbox sandbox = make(engine, detached);
        String script = "trap 'stty size; exit' WINCH; echo on; while :; do sleep 0.02; done";
        try (Execution execution = start(sandbox, "sh", "-c", script)) {
            until(execution, "on\r\n");
            execution.resize(new TerminalSize(7, 65_535));
            assertThat(until(execution, "\n")).isEqualTo("65535 7\r\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
        sandbox.remove();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void controlKeysAndEndOfInput(boolean detached, Sandboxes engine) throws IOException {
        Sandbox sandbox = make(engine, detached);
        try (Execution execution = start(sandbox, "sh", "-c", "echo on; exec cat")) {
            until(execution, "on\r\n");
            type(execution, "\u0003");
            assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 2));
        }
        try (Execution execution = start(sandbox, "sh", "-c", "echo on; cat; echo over")) {
            until(execution, "on\r\n");
            type(execution, "text\n");
            execution.stdin().close();
            assertThat(Lab.rest(execution.stdout()))
                    .contains("text\r\ntext\r\n")
                    .endsWith("over\r\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
        sandbox.remove();
    }

    /** A shell says what it goes on with before it does: what is typed until then is for the shell. */
    private static void awaitForeground(Sandbox sandbox, String command) {
        String states = "";
        while (!states.matches("(?s)S\\S*\\+.*")) {
            states = sandbox.exec("sh", "-c", "ps ax -o stat=,args= | grep '" + command + "'")
                    .stdout();
        }
    }

    /** What a shell does with its jobs: stopped by ^Z, listed, gone on with, interrupted while the shell lives. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void jobControl(boolean detached, Sandboxes engine) throws IOException {
        Lab.need("bash");
        Sandbox sandbox = make(engine, detached);
        ExecSpec bash = ExecSpec.builder("bash", "--norc", "--noprofile", "-i")
                .environment("PS1", "ready> ")
                .environment("TERM", "dumb")
                .terminal(TerminalSize.STANDARD)
                .build();
        try (Execution execution = sandbox.start(bash)) {
            assertThat(until(execution, "ready> ")).doesNotContain("no job control");
            type(execution, "sh -c 'echo be''gun; exec sleep 1000'\n");
            until(execution, "begun\r\n");
            type(execution, "\u001a");
            assertThat(until(execution, "ready> ")).contains("Stopped");
            type(execution, "jobs\n");
            assertThat(until(execution, "ready> ")).contains("Stopped");
            type(execution, "fg\n");
            awaitForeground(sandbox, "[s]leep 1000");
            type(execution, "\u0003");
            until(execution, "ready> ");
            type(execution, "echo still $((40+2)); exit 6\n");
            assertThat(Lab.rest(execution.stdout())).contains("still 42");
            assertThat(execution.await()).isEqualTo(Exit.exited(6));
        }
        sandbox.remove();
    }

    /** It is killed with all that it started, in whatever session. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void killed(boolean detached, Sandboxes engine) throws IOException {
        Sandbox sandbox = make(engine, detached);
        try (Execution execution = start(sandbox, "sh", "-c", "setsid sleep 1000 & echo on; sleep 1000")) {
            until(execution, "on\r\n");
            execution.kill();
            assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        }
        assertThat(sandbox.exec("sh", "-c", "ps ax | grep -c '[s]leep 1000'").stdout())
                .isEqualTo("0\n");
        sandbox.remove();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void isLetGoOfAndTakenUpAgain(int rounds, Sandboxes engine) throws IOException {
        Sandbox sandbox = make(engine, true);
        Execution first = start(
                sandbox, "sh", "-c", "stty -echo; echo on; while read x; do echo got $x; stty size; done; echo over");
        until(first, "on\r\n");
        first.detach();
        first.close();
        for (int round = 0; round < rounds; round++) {
            try (Execution execution = sandbox.attach(first.id())) {
                execution.resize(new TerminalSize(10 + round, 20));
                type(execution, "line " + round + "\n");
                assertThat(until(execution, "20 " + (10 + round))).contains("got line " + round + "\r\n");
                execution.detach();
            }
        }
        try (Execution execution = sandbox.attach(first.id())) {
            execution.stdin().close();
            assertThat(Lab.rest(execution.stdout())).endsWith("over\r\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
        sandbox.remove();
    }
}
