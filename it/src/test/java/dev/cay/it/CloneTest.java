package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxPool;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Templates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
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
import org.junit.jupiter.api.extension.ExtendWith;

/** MicroVMs that go on where one was halted. One boots, for all of them. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CloneTest {
    private static final String NAME = "cay-it-clones";

    /** As much as those have that other processes make. */
    private static final Size MEMORY = Size.mib(256);

    private static final Duration LONG = Duration.ofSeconds(60);

    private Sandboxes engine;
    private Templates.Info template;

    @BeforeAll
    void make() throws IOException {
        GuestKernels.debian();
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.importSmall(maker, NAME);
            template = maker.templates().create(NAME, MEMORY);
        }
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME).isolation(Isolation.MICROVM).memory(MEMORY);
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.templates().remove(NAME);
            last.images().remove(NAME);
        }
    }

    @Test
    void aTemplateSaysWhatItIs() {
        assertThat(template.usable()).isTrue();
        assertThat(template.memory()).isEqualTo(MEMORY);
        assertThat(template.size()).isLessThan(MEMORY);
        assertThat(engine.templates().list()).contains(template);
        assertThatThrownBy(() -> engine.templates().create(NAME, MEMORY)).isInstanceOf(SandboxException.Conflict.class);
        assertThatThrownBy(() -> engine.templates().create("small", Size.mib(1)))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThatThrownBy(() -> engine.templates().remove("none")).isInstanceOf(SandboxException.NotFound.class);
    }

    /** Nothing that is to be nobody else's is the same in two clones, and none of them sees the disks of another. */
    @Test
    void clonesHaveNothingInCommonThatIsToBeTheirOwn() {
        Set<String> seen = new HashSet<>();
        try (Sandbox one = engine.create(spec().build());
                Sandbox other = engine.create(spec().build())) {
            isItsOwn(one, seen);
            isItsOwn(other, seen);
            Lab.sh(one, "echo changed > /tmp/file");
            assertThat(Lab.sh(other, "cat /tmp/file")).isEqualTo("mine");
        }
    }

    /** Nobody works in its memory; one that another one was made ahead for is no different. */
    @Test
    void aCloneSeesFilesThatAreRelayed() throws Exception {
        Path shared = Files.createDirectory(Lab.directory().resolve("relayed"));
        Files.writeString(shared.resolve("file"), "the host's\n");
        Lab.onHost("chown", "-R", "4567:4567", shared.toString());
        System.setProperty("dev.cay.shares", "relay");
        try {
            for (int i = 0; i < 3; i++) {
                if (i == 2) {
                    awaitReady();
                }
                try (Sandbox clone = engine.create(
                        spec().mount(Mount.bind(shared, "/shared")).build())) {
                    assertThat(clone.info().machine())
                            .flatMap(MachineInfo::template)
                            .contains(NAME);
                    assertThat(Lab.sh(clone, "cat /shared/file; echo " + i + " > /shared/own"))
                            .isEqualTo("the host's");
                    assertThat(shared.resolve("own")).hasContent(i + "\n");
                }
            }
        } finally {
            System.clearProperty("dev.cay.shares");
        }
        try (Sandbox booted =
                engine.create(spec().mount(Mount.bind(shared, "/shared")).build())) {
            assertThat(booted.info().machine()).flatMap(MachineInfo::template).isEmpty();
        }
    }

    private static void isItsOwn(Sandbox clone, Set<String> seen) {
        String ask = "cat /proc/sys/kernel/random/boot_id; cat /proc/sys/kernel/random/uuid;"
                + " head -c 16 /dev/urandom | od -An -tx1; hostname; cat /etc/hostname; date +%s;"
                + " echo mine > /tmp/file; ls -d /sys/block/vd*; cat /sys/block/vda/serial; echo; cat /etc/passwd";
        MachineInfo machine = clone.info().machine().orElseThrow();
        assertThat(machine.template()).contains(NAME);
        assertThat(machine.health()).isEqualTo(MachineInfo.Health.HEALTHY);
        String[] lines = Lab.sh(clone, ask).split("\n");
        for (int i = 0; i < 3; i++) {
            assertThat(seen.add(lines[i].strip())).as(lines[i]).isTrue();
        }
        assertThat(lines[3]).isEqualTo(clone.id());
        assertThat(lines[4]).isEqualTo(clone.id());
        assertThat(Duration.between(Instant.ofEpochSecond(Long.parseLong(lines[5])), Instant.now()))
                .isBetween(Duration.ofSeconds(-1), Duration.ofSeconds(60));
        assertThat(lines[6]).isEqualTo("/sys/block/vda");
        assertThat(lines[7]).isEqualTo("layer0");
        assertThat(lines[8]).startsWith("root:");
        assertThat(clone.boot()).extracting(BootStep::name).doesNotContain("devices", "disks");
    }

    private static MachineInfo.Beginning began(Sandbox machine) {
        return machine.info().machine().orElseThrow().began();
    }

    /** Where the sockets of a VMM wait that has been made ahead. */
    private static Path awaitReady() throws IOException {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (true) {
            List<Path> ready = ready();
            if (!ready.isEmpty()) {
                return ready.getFirst();
            }
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(20_000_000);
        }
    }

    private static List<Path> ready() throws IOException {
        try (Stream<Path> files = Files.list(DetachedState.SANDBOXES)) {
            return files.filter(file -> file.getFileName().toString().startsWith(".ready-"))
                    .toList();
        }
    }

    /** One that a VMM has become which was made ahead. */
    private Sandbox spare() throws IOException {
        engine.create(spec().build()).close();
        engine.create(spec().build()).close();
        Path waiting = awaitReady();
        Sandbox clone = engine.create(spec().build());
        for (long deadline = System.nanoTime() + LONG.toNanos(); Files.exists(waiting); ) { // it was not ready yet
            clone.close();
            assertThat(System.nanoTime()).isLessThan(deadline);
            clone = engine.create(spec().build());
        }
        return clone;
    }

    /** When two clones have been made a VMM waits for the next, which is as good as any other: others come in, copies can be made. */
    @Test
    void aSpareMachineBecomesAClone() throws IOException {
        Set<String> seen = new HashSet<>();
        try (Sandbox spare = spare();
                Sandbox usual = engine.create(spec().disk(Size.mib(24)).build());
                OtherProcess other = OtherProcess.start()) {
            isItsOwn(spare, seen);
            assertThat(began(spare)).isEqualTo(MachineInfo.Beginning.SPARE);
            assertThat(began(usual)).isEqualTo(MachineInfo.Beginning.TEMPLATE);
            assertThat(Lab.sh(usual, "cat /sys/block/vdb/serial")).isEqualTo("changes");
            assertThat(other.tell("exec", spare.id(), "cat /tmp/file")).contains("mine");
            try (Sandbox copy = engine.snapshots().fork(spare, Optional.empty())) {
                assertThat(Lab.sh(copy, "cat /tmp/file")).isEqualTo("mine");
                assertThat(began(copy)).isEqualTo(MachineInfo.Beginning.COPY);
            }
        }
        Path next = awaitReady();
        try (Sandbox limited = engine.create(spec().cpus(0.9).build())) { // its VMM was started without a quota
            assertThat(limited.info().machine().orElseThrow().template()).contains(NAME);
            assertThat(next).exists();
            assertThat(
                            Lab.onHost(
                                    "sh",
                                    "-c",
                                    "cat /sys/fs/cgroup/*/cay/*/*/cpu.cfs_quota_us"
                                            + " /sys/fs/cgroup/cay/*/*/cpu.max /sys/fs/cgroup/unified/cay/*/*/cpu.max 2>/dev/null; true"))
                    .contains("90000");
        }
        GuestKernels.vmms().forEach(ProcessHandle::destroyForcibly);
        try (Sandbox after = engine.create(spec().build())) {
            isItsOwn(after, seen);
        }
    }

    /** What it has rehearsed its commands see nothing of, and what they read is their image's. */
    @Test
    void aSpareMachineHasNothingOfItsRehearsal() throws IOException {
        String all =
                "cut -d ' ' -f 4- /proc/self/mountinfo; ls -d /* /cay* /sys/fs/cgroup/*/; hostname | tr -d '0-9a-f';"
                        + " sha256sum /bin/busybox; cat /etc/hosts | tail -4; cut -d ' ' -f 1,3,6 /proc/net/dev";
        try (Sandbox usual = engine.create(spec().build());
                Sandbox spare = spare()) {
            assertThat(Lab.sh(spare, all)).isEqualTo(Lab.sh(usual, all));
        }
    }

    /** Whoever closes the engine while one is being made waits for nothing, and nothing of it is left. */
    @Test
    void aSpareMachineThatIsNotReadyYet() throws IOException {
        try (Sandboxes own = Sandboxes.local()) {
            own.create(spec().build()).close();
            own.create(spec().build()).close();
            awaitReady();
        }
        assertThat(ready()).isEmpty();
    }

    /** It ends with its engine, and nothing of it is left. */
    @Test
    void aSpareMachineOfAnEngineThatWasKilled() throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            for (int i = 0; i < 2; i++) {
                other.tell("create-clone", NAME, NAME);
                other.tell("close-attached");
            }
            awaitReady();
            other.kill();
        }
        Sandboxes.local().close(); // cleans up after its engine
        assertThat(ready()).isEmpty();
    }

    /** Clones that are ready before they are asked for; one whose VMM has died while it waited is not given to anybody. */
    @Test
    void aPoolOfClones() {
        Set<ProcessHandle> before = GuestKernels.vmms();
        try (SandboxPool pool = engine.pool(spec().build(), 2)) {
            PoolTest.awaitFull(pool, 2);
            Set<ProcessHandle> waiting = GuestKernels.vmms();
            waiting.removeAll(before);
            ProcessHandle dead = waiting.iterator().next();
            dead.destroyForcibly();
            dead.onExit().join();
            Set<String> seen = new HashSet<>();
            for (int i = 0; i < 3; i++) {
                try (Sandbox taken = pool.take()) {
                    isItsOwn(taken, seen);
                }
            }
        }
    }

    /** The first disk the clone's kernel has never let go of, the second it takes; the loopback is up since the mould. */
    @Test
    void aCloneHasDisksBesidesItsFirst() {
        try (Sandbox clone = engine.create(spec().disk(Size.mib(24)).build())) {
            assertThat(clone.info().machine().orElseThrow().template()).contains(NAME);
            assertThat(Lab.sh(
                            clone,
                            "cat /sys/block/vda/serial; echo; cat /sys/block/vdb/serial; echo;"
                                    + " cat /sys/block/vda/ro /sys/block/vdb/ro; echo kept > /file; cat /file; ls -d /sys/block/vd*;"
                                    + " cat /sys/class/net/lo/flags"))
                    .isEqualTo(String.join(
                            "\n", "layer0", "changes", "1", "0", "kept", "/sys/block/vda", "/sys/block/vdb", "0x9"));
            assertThat(clone.boot()).extracting(BootStep::name).contains("devices", "disks");
        }
    }

    /** What a mould has mounted is where it is in a guest that has booted, and as that has it; nothing is left of where it was. */
    @Test
    void aCloneHasTheFileSystemsOfEveryGuest() {
        try (Sandbox clone = engine.create(spec().build())) {
            assertThat(Lab.sh(clone, "cat /proc/self/mountinfo"))
                    .containsPattern(" /proc rw,nosuid,nodev,noexec,relatime .*proc")
                    .containsPattern(" /sys ro,nosuid,nodev,noexec,relatime .*sysfs")
                    .containsPattern(" /dev rw,nosuid,noexec.*tmpfs")
                    .containsPattern(" /dev/pts rw,nosuid,noexec,relatime .*gid=5,mode=620,ptmxmode=666")
                    .containsPattern(" /dev/shm rw,nosuid,nodev,noexec,relatime .*tmpfs")
                    .containsPattern(" /dev/mqueue rw,nosuid,nodev,noexec,relatime .*mqueue")
                    .doesNotContain("laid");
            assertThat(Lab.sh(clone, "ls /dev | tr '\\n' ' '; echo x > /dev/null && ls /proc/1/status"))
                    .isEqualTo("fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
                            + " /proc/1/status");
        }
    }

    /** A guest that stood still has not lost the time, and nobody takes it for hung. */
    @Test
    void aCloneIsPausedAndResumed() {
        try (Sandbox clone = engine.create(spec().build());
                Execution loop = clone.start(ExecSpec.of("sh", "-c", "while :; do date +%N; done > /tmp/loop"))) {
            clone.pause();
            assertThat(clone.info().paused()).isTrue();
            assertThatThrownBy(() -> clone.exec("true")).isInstanceOf(SandboxException.Conflict.class);
            assertThatThrownBy(clone::pause).isInstanceOf(SandboxException.Conflict.class);
            Duration used = clone.usage().cpu();
            LockSupport.parkNanos(2_000_000_000L);
            assertThat(clone.usage().cpu()).isLessThan(used.plusMillis(500));
            clone.resume();
            assertThat(clone.info().paused()).isFalse();
            assertThatThrownBy(clone::resume).isInstanceOf(SandboxException.Conflict.class);
            long there = Long.parseLong(Lab.sh(clone, "date +%s"));
            assertThat(Duration.between(Instant.ofEpochSecond(there), Instant.now()))
                    .isBetween(Duration.ofSeconds(-1), Duration.ofSeconds(60));
            assertThat(loop.await(Duration.ofMillis(1))).isEmpty();
            loop.kill();
        }
    }

    /** H1: a guest that does not answer is not healthy for ever. */
    @Test
    void aVmmThatStandsStillIsNoticed() {
        Set<ProcessHandle> before = GuestKernels.vmms();
        try (Sandbox clone = engine.create(spec().build())) {
            Set<ProcessHandle> own = GuestKernels.vmms();
            own.removeAll(before);
            String pid = Long.toString(own.iterator().next().pid());
            Lab.onHost("kill", "-STOP", pid);
            MachineInfo.Health health = MachineInfo.Health.HEALTHY;
            while (health == MachineInfo.Health.HEALTHY) {
                LockSupport.parkNanos(100_000_000L);
                health = clone.info().machine().orElseThrow().health();
            }
            assertThat(health).isEqualTo(MachineInfo.Health.SLOW);
            Lab.onHost("kill", "-CONT", pid);
            assertThat(Lab.sh(clone, "echo there")).isEqualTo("there");
        }
    }

    @Test
    void aPoolOfThemIsWarm() {
        try (SandboxPool pool = engine.pool(spec().build(), 1);
                Sandbox taken = pool.take()) {
            assertThat(taken.exec(ExecSpec.of("true")).exit().code()).isZero();
        }
    }
}
