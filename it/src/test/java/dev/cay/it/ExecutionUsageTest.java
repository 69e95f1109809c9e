package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.ProcessUsage;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each command has an account of its own, in which all that descend from it are, and nothing of the others. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ExecutionUsageTest {
    /** Burns a tenth of a second and more in a process that has left its session, and whose parent has left it. */
    private static final String BURNING =
            "mkfifo /tmp/$$; (setsid sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done;"
                    + " echo done > '/tmp/$$ &); exec cat /tmp/$$";

    private static final long PATIENCE_NANOSECONDS = 20_000_000_000L;

    private static Sandbox made(Sandboxes engine, boolean detached) {
        SandboxSpec.Builder builder = SandboxSpec.host();
        return engine.create(detached ? builder.detached().build() : builder.build());
    }

    private static ExecSpec burning(boolean accounted) {
        return ExecSpec.builder("sh", "-c", BURNING).accounted(accounted).build();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatDescendantsUsedIsTheCommands(boolean detached, Sandboxes engine) {
        Sandbox sandbox = made(engine, detached);
        try {
            ExecResult result = sandbox.exec(burning(true));
            assertThat(result.stdout()).isEqualTo("done\n");
            ExecutionUsage usage = result.usage().orElseThrow();
            assertThat(usage.cpu()).isBetween(Duration.ofMillis(90), Duration.ofSeconds(10));
            assertThat(usage.processes()).isZero();
            assertThat(usage.memory()).isEqualTo(Size.bytes(0));
            ProcessUsage process = usage.process().orElseThrow();
            assertThat(process.peakMemory()).isLessThan(Size.mib(50));
            assertThat(process.minorFaults()).isPositive();
            assertThat(process.user().plus(process.system())).isLessThan(usage.cpu()); // that was no child of it
            assertThat(process.voluntarySwitches()).isPositive();
            ExecutionUsage other = sandbox.exec(
                            ExecSpec.builder("true").accounted(true).build())
                    .usage()
                    .orElseThrow();
            assertThat(other.cpu()).isLessThan(Duration.ofMillis(80));
            assertThat(sandbox.exec(burning(false)).usage()).isEmpty();
        } finally {
            sandbox.remove();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void ofOneThatRunsItIsKnownAtAnyTime(boolean detached, Sandboxes engine) {
        Sandbox sandbox = made(engine, detached);
        try (Execution execution =
                sandbox.start(ExecSpec.of("sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & echo on; wait"))) {
            assertThat(Lab.line(execution.stdout())).isEqualTo("on");
            await(execution, 3);
            ExecutionUsage usage = execution.usage().orElseThrow();
            assertThat(usage.memory()).isBetween(Size.kib(100), Size.mib(50));
            execution.kill();
            execution.await();
        } finally {
            sandbox.remove();
        }
    }

    private static void await(Execution execution, int processes) {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        while (execution.usage().orElseThrow().processes() != processes && System.nanoTime() < deadline) {
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(execution.usage().orElseThrow().processes()).isEqualTo(processes);
    }

    /** Its group is left while nobody has seen its end. */
    @Test
    void anotherProcessAsksForWhatIsKept(Sandboxes engine) {
        Sandbox sandbox = made(engine, true);
        try (Sandboxes elsewhere = Sandboxes.local();
                Sandbox seen = elsewhere.open(sandbox.id())) {
            int accounted;
            try (Execution execution = sandbox.start(burning(true))) {
                accounted = execution.id();
                execution.await();
            }
            assertThat(seen.usage(accounted).orElseThrow().cpu()).isGreaterThan(Duration.ofMillis(90));
            int alone;
            try (Execution execution = sandbox.start(burning(false))) {
                alone = execution.id();
                execution.detach();
            }
            while (seen.executions().stream().anyMatch(info -> info.exit().isEmpty())) {
                LockSupport.parkNanos(1_000_000);
            }
            ExecutionUsage unseen = seen.usage(alone).orElseThrow();
            assertThat(unseen.cpu()).isGreaterThan(Duration.ofMillis(90));
            assertThat(unseen.process().orElseThrow().minorFaults()).isPositive();
            int neither;
            // Nothing that might outlive it by a moment: then its group would stay.
            try (Execution execution = sandbox.start(ExecSpec.of("true"))) {
                neither = execution.id();
                execution.await();
            }
            ExecutionUsage process = seen.usage(neither).orElseThrow(); // of its group nothing is left
            assertThat(process.process().orElseThrow().peakMemory()).isBetween(Size.kib(100), Size.mib(50));
            assertThat(process.cpu())
                    .isEqualTo(process.process()
                            .orElseThrow()
                            .user()
                            .plus(process.process().orElseThrow().system()));
            assertThat(seen.usages())
                    .containsOnlyKeys(accounted, alone, neither)
                    .containsEntry(neither, process);
            try (Execution ended = seen.attach(neither)) {
                assertThat(ended.usage()).contains(process);
            }
        } finally {
            sandbox.remove();
        }
    }

    /** One that is the first process shares its group with nobody, but that is the sandbox's. */
    @Test
    void withoutAnInitTheAccountIsTheSandboxes(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().init(false).build());
                Execution execution = sandbox.start(ExecSpec.of("sleep", "1000"))) {
            assertThat(execution.usage()).isEqualTo(Optional.empty());
            assertThat(sandbox.usage().processes()).isEqualTo(1);
        }
    }
}
