package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A command in a terminal: a pseudoterminal whose other end the first process has, in a detached sandbox and in others. */
interface TerminalContract extends SandboxContract {
    private static Execution start(Sandbox sandbox, String... command) {
        return sandbox.start(
                ExecSpec.builder(command).terminal(new TerminalSize(100, 30)).build());
    }

    static void type(Execution execution, String text) throws IOException {
        execution.stdin().write(text.getBytes(StandardCharsets.UTF_8));
        execution.stdin().flush();
    }

    /** Reads up to and with a text, which must come. */
    static String until(Execution execution, String text) throws IOException {
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
    default void isTheControllingTerminalOfItsOwnSession(boolean detached) throws IOException {
        Sandbox sandbox = sandbox(detached);
        String script = "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; "
                + "echo through > /dev/tty; cut -d ' ' -f 1,6,8 /proc/$$/stat; echo $$; echo error >&2";
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
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    default void aNewSizeIsTold(boolean detached) throws IOException {
        Sandbox sandbox = sandbox(detached);
        String script = "trap 'stty size; exit' WINCH; echo on; while :; do sleep 0.02; done";
        try (Execution execution = start(sandbox, "sh", "-c", script)) {
            until(execution, "on\r\n");
            execution.resize(new TerminalSize(7, 29_999));
            assertThat(until(execution, "\n")).isEqualTo("29999 7\r\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    default void controlKeysAndEndOfInput(boolean detached) throws IOException {
        Sandbox sandbox = sandbox(detached);
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
    }

    /** It is killed with all that it started, in whatever session. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    default void killed(boolean detached) throws IOException {
        Sandbox sandbox = sandbox(detached);
        try (Execution execution = start(sandbox, "sh", "-c", "setsid sleep 1000 & echo on; sleep 1000")) {
            until(execution, "on\r\n");
            execution.kill();
            assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        }
        assertThat(sandbox.exec("sh", "-c", "ps ax | grep -c '[s]leep 1000'").stdout())
                .isEqualTo("0\n");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    default void isLetGoOfAndTakenUpAgain(int rounds) throws IOException {
        Sandbox sandbox = sandbox(true);
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
    }
}
