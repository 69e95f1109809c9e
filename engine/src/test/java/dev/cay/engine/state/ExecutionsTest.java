package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.ProcessUsage;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ExecutionsTest {
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000, 7);
    private static final ExecSpec COMMAND =
            ExecSpec.builder("sh", "-c", "true").kept(Size.kib(4)).build();

    @TempDir
    private Path directory;

    private Executions executions;

    @BeforeEach
    void here() {
        executions = new Executions(directory);
    }

    private ExecutionRecord begin(int number) throws IOException {
        return executions.begin(number, COMMAND, "nobody", NOW);
    }

    private void end(int number, int code) throws IOException {
        try (Stub stub = new Stub(begin(number))) {
            stub.running(number + 100, NOW);
            stub.ended(1, code, false, NOW);
        }
    }

    @Test
    void oneThatHasNotBeenStartedYet() throws IOException {
        ExecSpec spec = ExecSpec.builder("top").terminal(TerminalSize.STANDARD).build();
        executions.begin(2, spec, "root", NOW);
        assertThat(executions.info(2, false))
                .isEqualTo(new ExecutionInfo(2, spec.command(), "root", true, 0, NOW, Optional.empty()));
        assertThat(executions.info(2, true).exit()).hasValue(Exit.signalled(Exit.Reason.KILLED, 9));
    }

    @Test
    void oneThatRunsAndEnds() throws IOException {
        try (Stub stub = new Stub(begin(2))) {
            stub.running(17, NOW.plusSeconds(1));
            ExecutionInfo running = executions.info(2, false);
            assertThat(running.pid()).isEqualTo(17);
            assertThat(running.started()).isEqualTo(NOW.plusSeconds(1));
            assertThat(running.exit()).isEmpty();
            stub.ended(1, 3, false, NOW.plusSeconds(2));
            assertThat(executions.info(2, true).exit()).hasValue(Exit.exited(3));
            stub.ended(3, 11, false, NOW.plusSeconds(2));
            Exit dumped = Exit.signalled(Exit.Reason.SIGNALLED, 11).withCore(true);
            assertThat(executions.info(2, true).exit()).hasValue(dumped);
        }
    }

    @Test
    void whatOnlyTheHostKnowsCounts() throws IOException {
        try (Stub stub = new Stub(begin(2))) {
            stub.ended(2, 9, false, NOW);
            assertThat(executions.info(2, false).exit()).hasValue(Exit.signalled(Exit.Reason.SIGNALLED, 9));
            assertThat(executions.usage(2)).isEmpty();
            ExecutionUsage used = new ExecutionUsage(Duration.ofNanos(7), Size.bytes(8), 9);
            executions.ended(2, Exit.signalled(Exit.Reason.SIGNALLED, 11).withCore(true), Optional.of(used));
            assertThat(executions.usage(2)).hasValue(used);
            assertThat(executions.info(2, false).exit().orElseThrow().core()).isTrue();
            ProcessUsage process = new ProcessUsage(
                    Duration.ofNanos(1), Duration.ofNanos(2), Size.kib(3), 4, 5, Size.kib(6), Size.kib(7), 8, 9);
            used = new ExecutionUsage(used.cpu(), used.memory(), used.processes(), Optional.of(process));
            executions.ended(2, Exit.signalled(Exit.Reason.OOM, 9), Optional.of(used));
            assertThat(executions.usage(2)).hasValue(used);
            assertThat(executions.info(2, false).exit()).hasValue(Exit.signalled(Exit.Reason.OOM, 9));
        }
        begin(3);
        Map<Integer, ExecutionUsage> usages = new HashMap<>();
        assertThat(executions.usages(usages)).containsExactly(3);
        assertThat(usages).containsOnlyKeys(2);
        Exit failed = Exit.spawnFailed(2, "execve: ENOENT (step 21)");
        executions.ended(3, failed, Optional.empty());
        assertThat(executions.info(3, false).exit()).hasValue(failed);
    }

    @Test
    void theSandboxsOwnIsReplaced() throws IOException {
        end(Executions.OWN, 3);
        begin(Executions.OWN);
        assertThat(executions.info(Executions.OWN, false).exit()).isEmpty();
        assertThat(executions.list(false)).hasSize(1);
    }

    @Test
    void thereIsNoOther() throws IOException {
        assertThatThrownBy(() -> executions.info(5, false)).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> executions.record(5)).isInstanceOf(SandboxException.NotFound.class);
        Files.writeString(directory.resolve("x.json"), "");
        Files.writeString(directory.resolve("5.new"), "");
        assertThat(executions.list(false)).isEmpty();
    }

    @Test
    void theOldestThatHaveEndedAreForgotten() throws IOException {
        int last = 1 + Executions.KEPT + Executions.EXCESS + 1;
        end(Executions.OWN, 0);
        begin(2); // runs all the time
        for (int number = 3; number <= last; number++) {
            end(number, 0);
        }
        assertThat(executions.list(false))
                .extracting(ExecutionInfo::id)
                .hasSize(Executions.KEPT + 1)
                .startsWith(1, 2, last + 1 - Executions.KEPT + 1)
                .endsWith(last);
        assertThat(Directories.names(directory)).hasSize(2 * (Executions.KEPT + 1));
    }

    @Test
    void halfOfOneIsForgottenFirst() throws IOException {
        int last = 3 + Executions.KEPT + Executions.EXCESS;
        for (int number = 2; number <= last; number++) {
            begin(number);
        }
        Files.delete(directory.resolve("40"));
        begin(200);
        assertThat(directory.resolve("40.json")).doesNotExist();
        assertThat(executions.list(false)).hasSize(last - 1);
    }
}
