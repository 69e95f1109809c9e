package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Lifetime;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What ends by itself while nobody looks says why, and goes away if it is to. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UnattendedEndTest {
    private static final String NAME = "cay-it-unattended";
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static SandboxSpec.Builder shell(String script) {
        return SandboxSpec.host().name(NAME).detached().command(ExecSpec.of("sh", "-c", script));
    }

    private static SandboxSpec passing(String script) {
        return shell(script).lifetime(Lifetime.untilRemoved().untilEnd()).build();
    }

    /** Starts its command and lets go of it. */
    private static long leave(Sandbox sandbox) {
        long first = sandbox.info().firstProcess().orElseThrow();
        try (Execution own = sandbox.start()) {
            own.detach();
        }
        sandbox.close();
        return first;
    }

    private static void awaitDeath(long pid) {
        while (Files.exists(Path.of("/proc/" + pid))) {
            LockSupport.parkNanos(10_000_000);
        }
    }

    private static List<String> names(Sandboxes engine) {
        return engine.list().stream().map(SandboxInfo::name).toList();
    }

    private static List<String> told(EventStream events, int count) throws IOException {
        List<String> told = new ArrayList<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (told.size() < count && System.nanoTime() < deadline) {
            for (SandboxEvent event : events.next(Duration.ofMillis(100))) {
                told.add(event.kind().text() + " " + event.detail());
            }
        }
        return told;
    }

    @Test
    void whoeverWaitsForItsCommandGetsAllOfItAndRemovesTheSandbox(Sandboxes engine) throws IOException {
        Sandbox sandbox = engine.create(passing("sleep 1000 & seq 20000; exit 3"));
        long first = sandbox.info().firstProcess().orElseThrow();
        try (sandbox;
                Execution own = sandbox.start()) {
            byte[] output = own.stdout().readAllBytes(); // ends though something in the background has it too
            assertThat(output).endsWith("19999\n20000\n".getBytes(StandardCharsets.UTF_8));
            assertThat(own.await()).isEqualTo(Exit.exited(3));
        }
        assertThat(names(engine)).doesNotContain(NAME);
        assertThat(Path.of("/proc/" + first)).doesNotExist();
        assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
        engine.create(SandboxSpec.host().name(NAME).detached().build()).remove(); // the name is free
    }

    /** Nobody does anything: the engine that made it is there. */
    @Test
    void itsMakerRemovesItAtOnce(Sandboxes engine) throws IOException {
        try (EventStream events = engine.events()) {
            leave(engine.create(passing("exit 4")));
            assertThat(told(events, 5))
                    .contains("died its command had ended", "removed ")
                    .endsWith("removed ");
        }
        assertThat(names(engine)).doesNotContain(NAME);
    }

    @Test
    void whoLooksNextRemovesItIfItsMakerIsDead(Sandboxes engine) throws IOException {
        for (boolean sweeps : new boolean[] {false, true}) {
            long first;
            try (OtherProcess other = OtherProcess.start()) {
                other.tell("create-passing", NAME, "until [ -e /tmp/end ]; do sleep 0.02; done; exit 5");
                other.tell("own", NAME);
                first = engine.open(NAME).info().firstProcess().orElse(0L);
                other.kill();
            }
            engine.open(NAME).exec("touch", "/tmp/end");
            awaitDeath(first);
            try (EventStream events = engine.events()) {
                if (sweeps) {
                    assertThat(engine.sweep().removed()).hasSize(1);
                } else {
                    assertThat(names(engine)).doesNotContain(NAME);
                }
                assertThat(told(events, 3))
                        .containsExactly("exited exit code 5", "died its command had ended", "removed ");
            }
        }
    }

    @Test
    void stoppingItRemovesIt(Sandboxes engine) {
        leave(engine.create(passing("exec sleep 1000")));
        try (Sandbox sandbox = engine.open(NAME)) {
            sandbox.stop(Duration.ofSeconds(5));
        }
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (names(engine).contains(NAME) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
        assertThat(names(engine)).doesNotContain(NAME);
    }

    @Test
    void whatCannotBeStartedIsRemovedToo(Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host()
                .name(NAME)
                .lifetime(Lifetime.untilRemoved().untilEnd())
                .command(ExecSpec.of("/none"))
                .build();
        try (Sandbox sandbox = engine.create(spec);
                Execution own = sandbox.start()) {
            assertThat(own.await().reason()).isEqualTo(Exit.Reason.SPAWN_FAILED);
        }
        assertThat(names(engine)).doesNotContain(NAME);
    }

    /** The kernel of version 1 groups kills one process, the first process then the others; that of version 2 kills all. */
    @Test
    void allOfItEndsWhenItsMemoryIsUsedUp(Sandboxes engine) throws IOException {
        SandboxSpec spec = shell("sleep 1000 & sleep 0.3; head -c 200000000 /dev/zero | tail; sleep 1000")
                .memory(Size.mib(32))
                .build();
        long first = leave(engine.create(spec));
        awaitDeath(first);
        try (EventStream events = engine.events();
                Sandbox dead = engine.open(NAME)) {
            assertThat(dead.info().state()).isEqualTo(SandboxState.DEAD);
            assertThat(dead.info().exit()).contains(Exit.signalled(Exit.Reason.OOM, 9));
            assertThat(told(events, 0)).isEmpty();
            dead.remove();
        }
    }

    @Test
    void idlenessIsToldAsWhatItIs(Sandboxes engine) throws IOException {
        try (EventStream events = engine.events()) {
            Sandbox sandbox = engine.create(SandboxSpec.host()
                    .name(NAME)
                    .lifetime(
                            Lifetime.untilRemoved().idle(Duration.ofSeconds(1)).limit(Duration.ofHours(1)))
                    .build());
            long first = sandbox.info().firstProcess().orElseThrow();
            sandbox.close();
            awaitDeath(first);
            engine.open(NAME).remove();
            assertThat(told(events, 3)).containsExactly("created ", "died nobody used it", "removed ");
        }
    }
}
