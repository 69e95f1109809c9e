package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class EndedExecutionTest {
    private static final Exit EXIT = Exit.spawnFailed(2, "execve(/none): ENOENT (step 21)");

    private final Execution execution = EndedExecution.unstarted(EXIT);

    @Test
    void itHasEndedBeforeItBegan() {
        assertThat(execution.await()).isEqualTo(EXIT);
        assertThat(execution.await(Duration.ZERO)).hasValue(EXIT);
        assertThat(execution.await(Duration.ofDays(1))).hasValue(EXIT);
    }

    @Test
    void itsStreamsAreAtTheirEnd() throws IOException {
        execution.stdin().write(new byte[1 << 20]);
        assertThat(execution.stdout().read()).isEqualTo(-1);
        assertThat(execution.stderr().readAllBytes()).isEmpty();
    }

    @Test
    void whateverIsDoneToItHasNoEffect() {
        execution.signal(9);
        execution.kill();
        execution.close();
        execution.close();
        assertThat(execution.await()).isEqualTo(EXIT);
    }

    @Test
    void whatItWroteIsLeftOfIt() throws IOException {
        Execution ended = new EndedExecution(7, Exit.exited(0), new byte[] {1, 2}, new byte[] {3}, Optional.empty());
        ended.detach();
        ended.resize(new TerminalSize(80, 25));

        assertThat(ended.id()).isEqualTo(7);
        assertThat(ended.stdout().readAllBytes()).containsExactly(1, 2);
        assertThat(ended.stdout().readAllBytes()).as("again").containsExactly(1, 2);
        assertThat(ended.stderr().readAllBytes()).containsExactly(3);
        assertThat(ended.await()).isEqualTo(Exit.exited(0));
    }
}
