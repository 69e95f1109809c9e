package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Isolation;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Snapshots;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** MicroVMs that are kept while commands run in them, and go on elsewhere. */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SnapshotTest {
    private static final String NAME = "cay-it-snapshots";
    private static final Size MEMORY = Size.mib(192);
    private static final Duration LONG = Duration.ofSeconds(60);

    /** Two files that differ by one at most, whenever one looks. It leaves others the processor. */
    private static final String COUNT = "i=0; while :; do i=$((i+1));"
            + " for file in /one /two; do echo $i > $file.new; mv $file.new $file; done; sleep 0.05; done";

    /** Somebody waits for the kernel, and for no signal. */
    private static final String WRITER_WAITS = waiting(1);

    private Sandboxes engine;

    private static String waiting(int writers) {
        return "i=0; until [ $(cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:.D') -ge " + writers
                + " ]; do sleep 0.05; i=$((i+1)); [ $i -lt 600 ] || exit 1; done";
    }

    @BeforeAll
    void make() throws IOException {
        GuestKernels.debian();
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.importSmall(maker, NAME);
            maker.templates().create(NAME, MEMORY);
        }
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.templates().remove(NAME);
            last.images().remove(NAME);
        }
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME).isolation(Isolation.MICROVM).memory(MEMORY);
    }

    private static long number(Sandbox sandbox, String file) {
        return Long.parseLong(Lab.sh(sandbox, "until [ -e " + file + " ]; do :; done; cat " + file));
    }

    private static void isCounting(Sandbox sandbox) {
        long before = number(sandbox, "/one");
        long deadline = System.nanoTime() + LONG.toNanos();
        while (number(sandbox, "/one") <= before) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** What runs goes on in each copy; what is to be nobody else's is nobody else's. */
    @Test
    void copiesGoOnAndAreTheirOwn() {
        try (Sandbox original = engine.create(spec().build());
                Execution loop = original.start(ExecSpec.of("sh", "-c", COUNT))) {
            Lab.sh(original, "echo 0123456789abcdef0123456789abcdef > /etc/machine-id");
            isCounting(original);
            Snapshots.Info made = engine.snapshots().create(original, NAME);
            assertThat(engine.snapshots().list()).containsExactly(made);
            assertThat(made.image()).isEqualTo(NAME);
            assertThat(made.memory()).isEqualTo(MEMORY);
            assertThat(made.halted()).isPositive();
            assertThatThrownBy(() -> engine.snapshots().create(original, NAME))
                    .isInstanceOf(SandboxException.Conflict.class);
            long then = number(original, "/one");
            isCounting(original);
            try (Sandbox one = engine.snapshots().restore(NAME, Optional.of("one"));
                    Sandbox other = engine.snapshots().restore(NAME, Optional.empty())) {
                Set<String> seen = new HashSet<>(Set.of("0123456789abcdef0123456789abcdef"));
                for (Sandbox copy : List.of(one, other)) {
                    assertThat(copy.info().machine().orElseThrow().template()).contains(NAME);
                    String[] lines = Lab.sh(
                                    copy,
                                    "cat /proc/sys/kernel/random/uuid; head -c 16 /dev/urandom | od -An -tx1;"
                                            + " cat /etc/machine-id; hostname; cat /etc/hostname; date +%s")
                            .split("\n");
                    for (int i = 0; i < 3; i++) {
                        assertThat(seen.add(lines[i].strip())).as(lines[i]).isTrue();
                    }
                    assertThat(lines[3]).isEqualTo(copy.id());
                    assertThat(lines[4]).isEqualTo(copy.id());
                    assertThat(Duration.between(Instant.ofEpochSecond(Long.parseLong(lines[5])), Instant.now()))
                            .isBetween(Duration.ofSeconds(-1), Duration.ofSeconds(60));
                    assertThat(number(copy, "/one")).isGreaterThan(0);
                    isCounting(copy);
                }
                aDetachedOneIsMadeOfIt();
                Lab.sh(one, "echo mine > /mine");
                assertThat(Lab.attempt(other, "cat /mine")).doesNotContain("mine\n");
                assertThat(one.info().spec().name()).contains("one");
            } finally {
                engine.snapshots().remove(NAME);
            }
            assertThat(then).isPositive();
            assertThat(engine.snapshots().list()).isEmpty();
            assertThat(loop.await(Duration.ofMillis(1))).isEmpty();
        }
    }

    /** Its machine gets what it takes to serve several processes while it runs. This one began with a template. */
    private void aDetachedOneIsMadeOfIt() {
        Sandbox copy = engine.snapshots().restore(NAME, Snapshots.Copy.detached(Optional.empty()));
        try (Sandboxes another = Sandboxes.local();
                Sandbox seen = another.open(copy.id())) {
            isCounting(copy);
            assertThat(Lab.sh(seen, "hostname")).isEqualTo(copy.id());
            assertThat(seen.executions()).hasSizeGreaterThanOrEqualTo(3);
        } finally {
            copy.remove();
        }
    }

    /** Its memory and its disk are those of one moment, and what either does afterwards is nobody else's. This one boots. */
    @Test
    void aDiskIsKeptWithTheMemory() {
        try (Sandbox original = engine.create(
                        spec().memory(Size.mib(193)).disk(Size.mib(64)).build());
                Execution _ = original.start(ExecSpec.of("sh", "-c", COUNT))) {
            isCounting(original);
            try (Sandbox copy = engine.snapshots().fork(original, Optional.empty())) {
                assertThat(copy.info().machine().orElseThrow().template()).contains(original.id());
                Lab.sh(copy, "kill -STOP -1; true");
                assertThat(Math.abs(number(copy, "/one") - number(copy, "/two")))
                        .isLessThanOrEqualTo(1);
                Lab.sh(copy, "sync; echo 3 > /proc/sys/vm/drop_caches 2>/dev/null; true");
                assertThat(Math.abs(number(copy, "/one") - number(copy, "/two")))
                        .isLessThanOrEqualTo(1);
                Lab.sh(copy, "echo mine > /mine; sync");
                assertThat(Lab.attempt(original, "cat /mine")).doesNotContain("mine\n");
                isCounting(original);
            }
            assertThat(engine.snapshots().list()).isEmpty();
        }
    }

    /** A copy of one whose disk stands still goes on, and who waited to write there writes; the original does as it did. */
    @Test
    void itsDiskStandsStillAndThatOfACopyDoesNot() throws IOException {
        try (Sandbox original = engine.create(spec().disk(Size.mib(64)).build());
                AgentSocket agent = engine.serve(original, AgentSpec.STANDARD);
                AgentClient control = AgentClient.connect(agent.path(), AgentClient.CONTROL)) {
            assertThat(control.line("{\"request\":\"freeze\",\"thawAfterSeconds\":3600}"))
                    .contains("{\"disks\":[\"changes\"]}");
            try (Execution writer = original.start(ExecSpec.of("sh", "-c", "echo written > /written; sleep 1000"))) {
                Lab.sh(original, WRITER_WAITS);
                Thread file = Thread.ofVirtual().start(() -> original.files().write("/file", new byte[] {'f'}));
                Lab.sh(original, waiting(2));
                try (Sandbox copy = engine.snapshots().fork(original, Optional.empty())) {
                    assertThat(Lab.sh(copy, "until [ -s /written ]; do :; done; cat /written; echo mine > /mine"))
                            .isEqualTo("written");
                }
                Lab.sh(
                        original,
                        WRITER_WAITS); // who writes to a directory keeps all others from looking for a name there
                assertThat(file.isAlive()).isTrue();
                assertThat(control.line("{\"request\":\"thaw\"}")).contains("{\"disks\":[\"changes\"]}");
                assertThat(Lab.sh(original, "until [ -s /written ]; do :; done; cat /written"))
                        .isEqualTo("written");
                assertThat(writer.await(Duration.ZERO)).isEmpty();
                file.join();
                assertThat(Lab.sh(original, "cat /file; [ -e /mine ] || echo /mine is not there"))
                        .isEqualTo("f/mine is not there");
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** A root that nobody may change has its own names all the same, and nobody may change it afterwards. */
    @Test
    void aSealedRootIsSealedInACopy() {
        try (Sandbox original = engine.create(spec().readOnly().build());
                Sandbox copy = engine.snapshots().fork(original, Optional.empty())) {
            assertThat(Lab.sh(copy, "cat /etc/hostname")).isEqualTo(copy.id());
            assertThat(copy.exec("sh", "-c", "echo 1 > /etc/hostname").exit().code())
                    .isNotZero();
        }
    }

    /** Whoever wants to pause it while it is written waits until it goes on: it stands still then, and is said to. */
    @Test
    void pausedByAnotherWhileItIsWritten() throws InterruptedException {
        try (Sandboxes another = Sandboxes.local();
                Sandbox sandbox = engine.create(spec().build());
                Sandbox seen = another.open(sandbox.id())) {
            seen.exec("true"); // others may come
            Thread pausing = Thread.ofVirtual().start(() -> {
                while (!sandbox.info().paused()) { // it is about to be written
                    LockSupport.parkNanos(1_000_000);
                }
                seen.pause();
            });
            engine.snapshots().create(sandbox, NAME);
            pausing.join();
            assertThat(seen.info().paused()).isTrue();
            awaitPaused(sandbox);
            seen.resume();
            assertThat(Lab.sh(seen, "echo goes on")).isEqualTo("goes on");
        } finally {
            engine.snapshots().remove(NAME);
        }
    }

    /** Its maker hears of it from its VMM. */
    private static void awaitPaused(Sandbox sandbox) {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!sandbox.info().paused()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(5_000_000);
        }
    }

    @Test
    void whatCannotBeKeptIsRefused() {
        try (Sandbox container = engine.create(SandboxSpec.host().build())) {
            assertThatThrownBy(() -> engine.snapshots().create(container, NAME))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("container");
            assertThatThrownBy(() -> engine.snapshots().fork(container, Optional.empty()))
                    .isInstanceOf(SandboxException.Unsupported.class);
        }
        engine.volumes().create(NAME, Optional.of(Size.mib(16)));
        try (Sandbox sandbox = engine.create(
                spec().mount(new Mount.Named(NAME, "/data", false)).build())) {
            assertThatThrownBy(() -> engine.snapshots().create(sandbox, NAME))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("volume");
            sandbox.pause();
            sandbox.resume();
        } finally {
            engine.volumes().remove(NAME);
        }
        try (Sandbox sandbox = engine.create(spec().build())) {
            sandbox.pause();
            assertThatThrownBy(() -> engine.snapshots().create(sandbox, NAME))
                    .isInstanceOf(SandboxException.Conflict.class);
            sandbox.resume();
            assertThatThrownBy(() -> engine.snapshots().create(sandbox, "../x"))
                    .isInstanceOf(SandboxException.InvalidSpec.class);
        }
        assertThatThrownBy(() -> engine.snapshots().restore("none", Optional.empty()))
                .isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> engine.snapshots().remove("none")).isInstanceOf(SandboxException.NotFound.class);
        assertThat(engine.snapshots().list()).isEmpty();
    }
}
