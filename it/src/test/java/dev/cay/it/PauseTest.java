package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes whose commands stand still for a while. N2: also while commands run. */
@ExtendWith(RootLane.class)
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PauseTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    /** With a descendant that has left its session: it counts in a file. */
    private static final ExecSpec COUNTING =
            ExecSpec.of("sh", "-c", "setsid sh -c 'i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done' & wait");

    private static String count(Sandbox sandbox) {
        try (var in = sandbox.files().read("/tmp/count")) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void awaitCount(Sandbox sandbox, String other) {
        while (count(sandbox).isEmpty() || count(sandbox).equals(other)) {
            LockSupport.parkNanos(5_000_000);
        }
    }

    @Test
    void whatRunsStandsStillUntilItIsResumed(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            checkPauseOf(sandbox);
        }
    }

    @Test
    void theSameOfADetachedOneThatAnotherTakesUp(Sandboxes engine) {
        Sandbox sandbox = engine.create(SandboxSpec.host().detached().build());
        try {
            checkPauseOf(sandbox);
            try (Execution counting = sandbox.start(COUNTING)) {
                awaitCount(sandbox, "");
                sandbox.pause();
                try (Sandbox same = engine.open(sandbox.id())) {
                    assertThat(same.info().paused()).isTrue();
                    assertThat(same.info().state()).isEqualTo(SandboxState.RUNNING);
                    assertThatThrownBy(same::pause).isInstanceOf(SandboxException.Conflict.class);
                    same.stop(Duration.ZERO); // which lets it go on, in order to end it
                    assertThat(same.info().paused()).isFalse();
                }
                assertThat(counting.await(LONG)).isPresent();
            }
            sandbox.pause();
        } finally {
            sandbox.remove(); // paused as it is
        }
    }

    /** Whoever does it: the process that made it, or another. */
    @Test
    void othersAreToldOfIt(Sandboxes engine) {
        try (EventStream events = engine.events();
                Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sandbox.pause();
            sandbox.resume();
            List<SandboxEvent.Kind> told = new ArrayList<>();
            while (told.size() < 3) {
                told(events, sandbox, told);
            }
            try (Sandbox same = engine.open(sandbox.id())) {
                same.pause();
                same.resume();
            }
            while (told.size() < 5) {
                told(events, sandbox, told);
            }
            assertThat(told)
                    .containsExactly(
                            SandboxEvent.Kind.CREATED,
                            SandboxEvent.Kind.PAUSED,
                            SandboxEvent.Kind.RESUMED,
                            SandboxEvent.Kind.PAUSED,
                            SandboxEvent.Kind.RESUMED);
        }
    }

    private static void told(EventStream events, Sandbox sandbox, List<SandboxEvent.Kind> kinds) {
        List<SandboxEvent> next = events.next(LONG);
        assertThat(next).isNotEmpty();
        next.stream().filter(event -> event.id().equals(sandbox.id())).forEach(event -> kinds.add(event.kind()));
    }

    private static void checkPauseOf(Sandbox sandbox) {
        sandbox.exec("touch", "/tmp/count");
        try (Execution counting = sandbox.start(COUNTING)) {
            awaitCount(sandbox, "");
            sandbox.pause();
            assertThat(sandbox.info().paused()).isTrue();
            String still = count(sandbox);
            assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Conflict.class);
            assertThatThrownBy(sandbox::pause).isInstanceOf(SandboxException.Conflict.class);
            LockSupport.parkNanos(50_000_000);
            assertThat(count(sandbox)).isEqualTo(still);
            sandbox.resume();
            assertThatThrownBy(sandbox::resume).isInstanceOf(SandboxException.Conflict.class);
            awaitCount(sandbox, still);
            sandbox.pause();
            counting.kill(); // it does not have to go on in order to die
            assertThat(counting.await(LONG)).contains(Exit.signalled(Exit.Reason.KILLED, 9));
            sandbox.resume();
        }
    }
}
