package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.Lifetime;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A detached sandbox ends when its time is over, or when it has not been used for so long, though nobody watches. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LifetimeTest {
    private static final String NAME = "cay-it-life";

    private static Sandbox make(Sandboxes engine, Lifetime lifetime) {
        return engine.create(SandboxSpec.host()
                .name(NAME)
                .lifetime(lifetime)
                .command(ExecSpec.of("sleep", "1000"))
                .build());
    }

    private static void awaitDeath(long pid) {
        while (Files.exists(Path.of("/proc/" + pid))) {
            LockSupport.parkNanos(10_000_000);
        }
    }

    /** One whose time is short, and whose command runs. */
    private record Brief(Sandbox sandbox, long first, Execution own) {
        /** Its time is a second, and longer where that was over before the command began. */
        static Brief make(Sandboxes engine) {
            for (int seconds = 1; ; seconds *= 4) {
                Sandbox sandbox =
                        LifetimeTest.make(engine, Lifetime.untilRemoved().limit(Duration.ofSeconds(seconds)));
                try {
                    long first = sandbox.info().firstProcess().orElse(0L);
                    return new Brief(sandbox, first, sandbox.start());
                } catch (SandboxException.Closed e) {
                    sandbox.remove();
                    assertThat(seconds).as("seconds that were over at once").isLessThan(60);
                }
            }
        }
    }

    @Test
    void endsWhenItsTimeIsOverWhateverRuns(Sandboxes engine) {
        Brief brief = Brief.make(engine);
        Sandbox sandbox = brief.sandbox();
        Execution own = brief.own();
        assertThat(own.await().signal()).isEqualTo(9);
        own.close();
        awaitDeath(brief.first());
        assertThat(sandbox.info().state()).isEqualTo(SandboxState.DEAD);
        assertThat(sandbox.info().exit().orElseThrow().signal()).isEqualTo(9);
        assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Closed.class);
        sandbox.remove();
    }

    @Test
    void endsThoughItsMakerIsDead(Sandboxes engine) {
        long first;
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("create-for", NAME, "1");
            first = engine.open(NAME).info().firstProcess().orElse(0L);
            other.kill();
        }
        awaitDeath(first);
        Sandbox dead = engine.open(NAME);
        assertThat(engine.sweep().adopted()).doesNotContain(dead.id());
        assertThat(dead.info().state()).isEqualTo(SandboxState.DEAD);
        dead.remove();
    }

    /** What ran then is told to have run out of time, if nobody was attached who saw it only killed. */
    @Test
    void whatRanThenRanOutOfTime(Sandboxes engine) {
        Brief brief = Brief.make(engine);
        brief.own().detach();
        brief.own().close();
        brief.sandbox().close();
        awaitDeath(brief.first());
        Sandbox dead = engine.open(NAME);
        assertThat(dead.info().state()).isEqualTo(SandboxState.DEAD);
        assertThat(dead.info().exit()).contains(Exit.signalled(Exit.Reason.TIMEOUT, 9));
        dead.remove();
    }

    /** Idle is: nobody is connected and nothing runs. */
    @Test
    void endsWhenNobodyUsesIt(Sandboxes engine) {
        Sandbox sandbox = make(engine, Lifetime.untilRemoved().idle(Duration.ofSeconds(1)));
        long first = sandbox.info().firstProcess().orElseThrow();
        Execution own = sandbox.start();
        own.detach();
        own.close();
        sandbox.close();
        LockSupport.parkNanos(Duration.ofMillis(1500).toNanos());
        Sandbox later = engine.open(NAME); // something runs
        assertThat(later.info().state()).isEqualTo(SandboxState.RUNNING);
        later.stop(Duration.ZERO);
        LockSupport.parkNanos(Duration.ofMillis(1500).toNanos());
        assertThat(later.info().state()).isEqualTo(SandboxState.EXITED); // somebody is connected
        later.close();
        awaitDeath(first);
        Sandbox dead = engine.open(NAME);
        assertThat(dead.info().state()).isEqualTo(SandboxState.DEAD);
        dead.remove();
    }

    @Test
    void oneThatEndsWithItsProcessHasNone(Sandboxes engine) {
        for (Lifetime lifetime : new Lifetime[] {
            Lifetime.attached().limit(Duration.ofSeconds(5)),
            Lifetime.attached().idle(Duration.ofSeconds(5))
        }) {
            assertThatThrownBy(() ->
                            engine.create(SandboxSpec.host().lifetime(lifetime).build()))
                    .isInstanceOf(SandboxException.Unsupported.class);
        }
    }

    /** The clock of the machine is set two hours on, and back: a sandbox that has an hour left lives. */
    @Test
    void whenTheClockIsSet(Sandboxes engine) throws Exception {
        Path shim = ClockShim.library();
        Sandbox sandbox = make(engine, Lifetime.untilRemoved().limit(Duration.ofHours(1)));
        for (String seconds : new String[] {"7200", "-7200"}) {
            try (OtherProcess other =
                    OtherProcess.start(List.of(), Map.of("LD_PRELOAD", shim.toString(), "CAY_CLOCK", seconds))) {
                assertThat(Math.abs(Long.parseLong(other.tell("clock")) - System.currentTimeMillis()))
                        .isGreaterThan(7_000_000L);
                assertThat(other.tell("sweep")).as("clock set by %s s", seconds).contains(sandbox.id());
                assertThat(other.tell("state", NAME)).isEqualTo("created");
                assertThat(other.tell("exec", NAME, "echo on")).isEqualTo("exited 0 on");
            }
            assertThat(sandbox.info().state()).isEqualTo(SandboxState.CREATED);
        }
        sandbox.remove();
    }

    /** The clock is set while commands run whose time is limited, detached and not: what they have is time, not a date. */
    @ParameterizedTest
    @ValueSource(strings = {"create", "create-attached"})
    void whenTheClockIsSetWhileCommandsRun(String make, Sandboxes engine) throws Exception {
        try (OtherProcess other = OtherProcess.start(
                List.of(), Map.of("LD_PRELOAD", ClockShim.library().toString()))) {
            other.tell(make, NAME);
            int number = 0;
            for (String seconds : new String[] {"7200", "-7200"}) {
                long began = System.nanoTime();
                other.tell("start-timed", NAME, "700 sleep 1000");
                other.tell("start-timed", NAME, "600000 sleep 1.5; exit 3");
                other.tell("look", "/cay-it-clock-" + seconds);
                assertThat(Math.abs(Long.parseLong(other.tell("clock")) - System.currentTimeMillis()))
                        .isGreaterThan(7_000_000L);
                assertThat(other.tell("ended", Integer.toString(number))).startsWith("timeout");
                assertThat(Duration.ofNanos(System.nanoTime() - began))
                        .isBetween(Duration.ofMillis(700), Duration.ofSeconds(30));
                assertThat(other.tell("ended", Integer.toString(number + 1))).isEqualTo("exited 3");
                other.tell("look", "/cay-it-clock-0");
                number += 2;
            }
            for (ExecutionInfo info : engine.open(NAME).executions()) {
                assertThat(info.started()).isBetween(Instant.now().minusSeconds(120), Instant.now());
            }
            other.tell(make.equals("create") ? "remove" : "close-attached", NAME);
        }
    }
}
