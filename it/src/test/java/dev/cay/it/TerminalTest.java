package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.TerminalSize;
import java.io.IOException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A command in a terminal of a container, and what shells of this machine do there. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TerminalTest extends ContainerSandboxes implements TerminalContract {
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
    void jobControl(boolean detached) throws IOException {
        Lab.need("bash");
        Sandbox sandbox = sandbox(detached);
        ExecSpec bash = ExecSpec.builder("bash", "--norc", "--noprofile", "-i")
                .environment("PS1", "ready> ")
                .environment("TERM", "dumb")
                .terminal(TerminalSize.STANDARD)
                .build();
        try (Execution execution = sandbox.start(bash)) {
            assertThat(TerminalContract.until(execution, "ready> ")).doesNotContain("no job control");
            TerminalContract.type(execution, "sh -c 'echo be''gun; exec sleep 1000'\n");
            TerminalContract.until(execution, "begun\r\n");
            TerminalContract.type(execution, "\u001a");
            assertThat(TerminalContract.until(execution, "ready> ")).contains("Stopped");
            TerminalContract.type(execution, "jobs\n");
            assertThat(TerminalContract.until(execution, "ready> ")).contains("Stopped");
            TerminalContract.type(execution, "fg\n");
            awaitForeground(sandbox, "[s]leep 1000");
            TerminalContract.type(execution, "\u0003");
            TerminalContract.until(execution, "ready> ");
            TerminalContract.type(execution, "echo still $((40+2)); exit 6\n");
            assertThat(Lab.rest(execution.stdout())).contains("still 42");
            assertThat(execution.await()).isEqualTo(Exit.exited(6));
        }
    }
}
