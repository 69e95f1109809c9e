package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.MachineInfo;
import dev.cay.OutputKind;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Snapshots;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A microVM that outlives its maker, kept and copied by processes that did not make it while its command runs. All tests share one guest,
 * whose maker is killed before the first.
 */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DetachedSnapshotTest {
    /** Two files on the disk that differ by one at most, whenever one looks, and a line for each ten. It leaves others the processor. */
    static final String COUNT = "echo begun; i=0; while :; do i=$((i+1));"
            + " for file in /one /two; do echo $i > $file.new; mv $file.new $file; done;"
            + " [ $((i%10)) != 0 ] || echo line $i; sleep 0.05; done";

    private static final String NAME = "cay-it-kept";
    private static final String COPY = "cay-it-kept-copy";
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Path SNAPSHOTS = Path.of("/var/lib/cay/snapshots");

    private Sandboxes engine;
    private Sandbox sandbox;

    @BeforeAll
    void make() throws IOException {
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.debian();
            GuestKernels.importSmall(maker, NAME);
        }
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("create-counting-machine", NAME, NAME);
            other.tell("own", NAME);
            other.tell("exec", NAME, "echo 0123456789abcdef0123456789abcdef > /etc/machine-id");
            other.kill();
        }
        Sandboxes.local().close(); // cleans up after its engine
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
        sandbox = engine.open(NAME);
        if (sandbox.info().paused()) { // a test has failed
            sandbox.resume();
        }
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.open(NAME).remove();
            last.images().remove(NAME);
        }
    }

    /** Its disk stands still for a process that is killed: whoever comes next lets it go on. */
    @Test
    void whoIsKilledStopsItsDiskForNobody() throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            Path socket = Path.of(other.tell("serve", NAME, ""));
            try (AgentClient control = AgentClient.connect(socket, AgentClient.CONTROL)) {
                assertThat(control.line("{\"request\":\"freeze\",\"thawAfterSeconds\":3600}"))
                        .contains("{\"disks\":[\"changes\"]}");
            }
            other.kill();
        }
        goesOn(sandbox);
    }

    /** Whoever has had its disk stand still: the disk of a copy does not, and the original's goes on standing still. */
    @Test
    void aCopyOfOneWhoseDiskStandsStillGoesOn() throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            Path socket = Path.of(other.tell("serve", NAME, ""));
            try (AgentClient control = AgentClient.connect(socket, AgentClient.CONTROL)) {
                assertThat(control.line("{\"request\":\"freeze\",\"thawAfterSeconds\":3600}"))
                        .contains("{\"disks\":[\"changes\"]}");
                Sandbox copy = engine.snapshots().fork(sandbox, Snapshots.Copy.detached(Optional.empty()));
                try {
                    goesOn(copy);
                } finally {
                    copy.remove();
                }
                long before = number(sandbox, "/one");
                LockSupport.parkNanos(Duration.ofMillis(300).toNanos());
                assertThat(number(sandbox, "/one")).isEqualTo(before);
                assertThat(control.line("{\"request\":\"thaw\"}")).contains("{\"disks\":[\"changes\"]}");
            }
        }
        goesOn(sandbox);
    }

    private static long number(Sandbox counting, String file) {
        return Long.parseLong(Lab.sh(counting, "until [ -e " + file + " ]; do :; done; cat " + file));
    }

    private static void goesOn(Sandbox counting) {
        long before = number(counting, "/one");
        long deadline = System.nanoTime() + LONG.toNanos();
        while (number(counting, "/one") == before) {
            assertThat(System.nanoTime()).isLessThan(deadline);
        }
    }

    private static String output(Sandbox counting) {
        return new String(counting.log(1, OutputKind.STDOUT, 0).bytes(), StandardCharsets.UTF_8);
    }

    private static void writesOn(Sandbox counting) {
        int before = output(counting).length();
        long deadline = System.nanoTime() + LONG.toNanos();
        while (output(counting).length() == before) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(20_000_000);
        }
    }

    private static List<String> identity(Sandbox one) {
        return Lab.sh(
                        one,
                        "cat /proc/sys/kernel/random/uuid; head -c 16 /dev/urandom | od -An -tx1; cat /etc/machine-id; hostname")
                .lines()
                .map(String::strip)
                .toList();
    }

    /** A detached copy is all that the original is: its command can be looked at, taken up, signalled, and what it wrote is there. */
    @Test
    void aDetachedCopyIsASandboxOfItsOwn() {
        goesOn(sandbox);
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("fork", NAME, COPY);
        }
        Sandbox copy = engine.open(COPY);
        try {
            SandboxInfo info = copy.info();
            assertThat(info.state()).isEqualTo(SandboxState.RUNNING);
            assertThat(info.machine()).flatMap(MachineInfo::template).contains(sandbox.id());
            goesOn(copy);
            goesOn(sandbox);
            assertThat(output(copy)).startsWith("begun\nline 10\n");
            writesOn(copy);
            Set<String> seen = new HashSet<>(List.of("0123456789abcdef0123456789abcdef"));
            for (Sandbox one : List.of(sandbox, copy)) {
                List<String> lines = identity(one);
                assertThat(lines.get(3)).isEqualTo(one.id());
                assertThat(seen.addAll(lines.subList(0, 2))).isTrue();
            }
            assertThat(seen).hasSize(5);
            assertThat(identity(copy).get(2)).isNotIn(seen).hasSize(32);
            ExecutionInfo own = copy.executions().getFirst();
            assertThat(own.id()).isEqualTo(1);
            assertThat(own.exit()).isEmpty();
            try (Execution attached = copy.attach(1)) {
                copy.signal(1, 9);
                assertThat(attached.await(LONG)).map(Exit::signal).contains(9);
            }
            assertThat(copy.info().state()).isEqualTo(SandboxState.EXITED);
            assertThat(Math.abs(number(copy, "/one") - number(copy, "/two"))).isLessThanOrEqualTo(1);
            Lab.sh(copy, "echo mine > /mine; sync");
            assertThat(Lab.attempt(sandbox, "cat /mine")).doesNotContain("mine\n");
            assertThat(copy.exec("sh", "-c", "exit 4").exit()).isEqualTo(Exit.exited(4));
            copyOfTheCopy(copy);
        } finally {
            copy.remove();
        }
        assertThat(sandbox.executions().getFirst().exit()).isEmpty();
        assertThat(engine.snapshots().list()).isEmpty();
    }

    /** Its command has ended; that is so in what is made of it, too. */
    private void copyOfTheCopy(Sandbox copy) {
        Sandbox second = engine.snapshots().fork(copy, Snapshots.Copy.detached(Optional.empty()));
        try {
            assertThat(second.info().state()).isEqualTo(SandboxState.EXITED);
            assertThat(Lab.sh(second, "cat /mine")).isEqualTo("mine");
            assertThat(output(second)).startsWith("begun\nline 10\n");
        } finally {
            second.remove();
        }
    }

    /** One that ends with its maker can be made of one that does not, by whoever wants to. */
    @Test
    void anAttachedOneIsMadeOfADetachedOne() throws IOException {
        Snapshots.Info made = engine.snapshots().create(sandbox, NAME);
        assertThat(engine.snapshots().list()).containsExactly(made);
        assertThatThrownBy(() -> engine.snapshots().create(sandbox, NAME))
                .isInstanceOf(SandboxException.Conflict.class);
        try (Sandbox copy = engine.snapshots().restore(NAME, Optional.of(COPY));
                Sandbox seen = engine.open(copy.id())) {
            goesOn(copy);
            goesOn(sandbox);
            assertThat(identity(copy).get(3)).isEqualTo(copy.id());
            Sandbox again = engine.snapshots().fork(seen, Snapshots.Copy.detached(Optional.empty()));
            try {
                assertThat(again.executions()).isEmpty(); // the streams of its commands were this process's
                assertThat(again.info().state()).isEqualTo(SandboxState.RUNNING);
                goesOn(again);
            } finally {
                again.remove();
            }
        } finally {
            engine.snapshots().remove(NAME);
        }
        sandbox.pause();
        assertThatThrownBy(() -> engine.snapshots().create(sandbox, NAME))
                .isInstanceOf(SandboxException.Conflict.class);
        sandbox.resume();
        goesOn(sandbox);
        assertNothingHalfMade();
    }

    /** Whoever keeps it is killed before a step: the microVM goes on as soon as somebody looks, and there is nothing but that. */
    @ParameterizedTest
    @ValueSource(strings = {"note", "memory", "written", "machine", "processes"})
    void whoeverKeepsItIsKilled(String step) throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("die-before-step", step);
            other.order("keep", NAME, NAME);
            assertThat(other.answer()).isEmpty();
            other.await();
        }
        Path halted = DetachedState.SANDBOXES.resolve(sandbox.id()).resolve("halted");
        assertThat(Files.exists(halted)).isEqualTo(!step.equals("note"));
        if (step.length() % 2 == 0) { // one of the two ways
            assertThat(engine.sweep().failures()).isEmpty();
        } else {
            assertThat(sandbox.info().machine()).map(MachineInfo::health).contains(MachineInfo.Health.HEALTHY);
        }
        assertThat(halted).doesNotExist();
        goesOn(sandbox);
        Sandboxes.local().close(); // cleans up after its engine
        assertNothingHalfMade();
    }

    /** Of a copy that is half made there is nothing afterwards, and the original knows nothing of it. */
    @Test
    void whoeverCopiesItIsKilled() throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("die-before-step", "machine", "id");
            other.order("fork", NAME, COPY);
            assertThat(other.answer()).isEmpty();
            other.await();
        }
        assertThat(engine.sweep().failures()).isEmpty();
        assertThat(engine.list()).extracting(SandboxInfo::name).containsExactly(NAME);
        Sandboxes.local().close(); // cleans up after its engine
        assertNothingHalfMade();
        try (Stream<Path> disks = Files.list(SNAPSHOTS.resolveSibling("disks"))) {
            assertThat(disks).isEmpty();
        }
        goesOn(sandbox);
    }

    private void assertNothingHalfMade() throws IOException {
        assertThat(engine.snapshots().list()).isEmpty();
        try (Stream<Path> files = Files.list(SNAPSHOTS)) {
            assertThat(files.map(path -> path.getFileName().toString()).filter(name -> !name.equals(".lock")))
                    .isEmpty();
        }
    }

    /** A command that is started meanwhile waits, and nobody waits in vain. */
    @Test
    void severalDoItAtOnce() {
        try (OtherProcess first = OtherProcess.start();
                OtherProcess second = OtherProcess.start()) {
            first.order("keep", NAME, NAME);
            second.order("keep", NAME, COPY);
            for (int i = 0; i < 3; i++) {
                assertThat(sandbox.exec(ExecSpec.builder("true").timeout(LONG).build())
                                .exit())
                        .isEqualTo(Exit.exited(0));
            }
            assertThat(first.answer()).contains("ok " + NAME);
            assertThat(second.answer()).contains("ok " + COPY);
        }
        assertThat(engine.snapshots().list()).extracting(Snapshots.Info::name).containsExactly(NAME, COPY);
        engine.snapshots().remove(NAME);
        engine.snapshots().remove(COPY);
        goesOn(sandbox);
    }
}
