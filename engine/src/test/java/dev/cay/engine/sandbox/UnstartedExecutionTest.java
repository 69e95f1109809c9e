package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Execution;
import dev.cay.Exit;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class UnstartedExecutionTest {
    private static final Exit EXIT = Exit.spawnFailed(2, "execve(/none): ENOENT (step 21)");

    private final Execution execution = new UnstartedExecution(EXIT);

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
}
