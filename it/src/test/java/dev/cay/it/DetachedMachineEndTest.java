package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Snapshots;
import dev.cay.engine.microvm.GuestBoot;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How microVMs end that nobody closes: by themselves, by the death of who makes them, by that of their VMM or of who serves their
 * files. Nearly all are clones, so that one boots for them.
 */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DetachedMachineEndTest {
    private static final String NAME = "cay-it-ending";
    private static final String VOLUME = "cay-it-ending-disk";
    private static final Duration LONG = Duration.ofSeconds(60);

    /** Whose the shared directory is. */
    private static final int OWNER = 4567;

    @BeforeAll
    void make() throws IOException {
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.debian();
            GuestKernels.importSmall(maker, NAME);
            maker.templates().create(NAME, Size.mib(256)); // as much as those have that other processes make
        }
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.templates().remove(NAME);
            last.images().remove(NAME);
        }
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .name(NAME)
                .memory(Size.mib(256))
                .tmpfs(Size.mib(64));
    }

    /**
     * Nobody is there when the maker has died but who looks next; and until then there is nothing that could be used. Where there is no VMM,
     * one that does not know where to go on, and a guest that does not know who it is.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "create-machine vmm",
                "create-machine state",
                "create-machine random numbers and time",
                "create-machine lifetime",
                "create-machine ready",
                "create-sharing-machine ready",
                "create-attached-machine limits",
                "create-attached-machine ready"
            })
    void whoeverMakesItDiesBeforeAStep(String what) throws IOException {
        String[] words = what.split(" ", 2);
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("die-before-step", words[1]);
            other.order(words[0], NAME, NAME + (words[0].contains("sharing") ? " " + directory() : ""));
            assertThat(other.answer()).isEmpty();
            other.await();
        }
        try (Sandboxes engine = Sandboxes.local()) {
            assertThat(engine.sweep().failures()).isEmpty();
            assertThat(engine.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
        }
    }

    /** One whose maker is killed is a clone as any other; who comes in finds nothing there that is another one's. */
    @Test
    void aCloneOutlivesItsMaker(Sandboxes engine) {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("create-machine", NAME, NAME);
            other.kill();
        }
        Set<String> seen = new HashSet<>();
        try (Sandbox detached = engine.open(NAME);
                Sandbox attached = engine.create(SandboxSpec.image(NAME)
                        .isolation(Isolation.MICROVM)
                        .memory(Size.mib(256))
                        .build());
                OtherProcess other = OtherProcess.start()) {
            assertThat(detached.boot()).extracting(BootStep::name).doesNotContain("devices", "disks");
            isItsOwn(detached, seen);
            isItsOwn(attached, seen);
            assertThat(seen).hasSize(6);
            Lab.sh(detached, "echo mine > /tmp/file");
            assertThat(other.tell("exec", NAME, "cat /tmp/file")).contains("mine");
            Sandbox copy = engine.snapshots().fork(detached, Snapshots.Copy.detached(Optional.empty()));
            try {
                assertThat(Lab.sh(copy, "cat /tmp/file; hostname")).isEqualTo("mine\n" + copy.id());
            } finally {
                copy.remove();
            }
        } finally {
            engine.open(NAME).remove();
        }
    }

    private static void isItsOwn(Sandbox clone, Set<String> seen) {
        MachineInfo machine = clone.info().machine().orElseThrow();
        assertThat(machine.template()).contains(NAME);
        assertThat(machine.began()).isEqualTo(MachineInfo.Beginning.TEMPLATE);
        assertThat(machine.health()).isEqualTo(MachineInfo.Health.HEALTHY);
        List<String> lines = Lab.sh(
                        clone,
                        "cat /proc/sys/kernel/random/boot_id /proc/sys/kernel/random/uuid;"
                                + " head -c 16 /dev/urandom | od -An -tx1; hostname; cat /etc/hostname; date +%s")
                .lines()
                .map(String::strip)
                .toList();
        seen.addAll(lines.subList(0, 3));
        assertThat(lines.subList(3, 5)).containsOnly(clone.id());
        assertThat(Duration.between(Instant.ofEpochSecond(Long.parseLong(lines.get(5))), Instant.now()))
                .isBetween(Duration.ofSeconds(-1), Duration.ofSeconds(60));
    }

    /** Who serves its files is there before it is. */
    @ParameterizedTest
    @ValueSource(ints = {20, 30, 40})
    void whoeverMakesItDiesBeforeThereIsAMachine(int list) throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("engine");
            other.tell("die-at", Integer.toString(list));
            other.order("create-sharing-machine", NAME, NAME + " " + directory());
            assertThat(other.answer()).isEmpty();
            other.await();
            assertThat(DetachedState.now().lines()).anyMatch(line -> line.endsWith("-files")); // its group
        }
        try (Sandboxes engine = Sandboxes.local()) {
            assertThat(engine.sweep().failures()).isEmpty();
            assertThat(engine.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
        }
    }

    /**
     * Whoever stops or removes it dies before one of the forty-five lists of system calls that either takes: it does as it did, has ended, or
     * is gone; and removed it leaves nothing, of who serves its files neither.
     */
    @ParameterizedTest
    @ValueSource(ints = {5, 14, 24})
    void whoeverEndsItDies(int list) throws IOException {
        Path shared = directory();
        try (OtherProcess maker = OtherProcess.start()) {
            maker.tell("create-sharing-machine", NAME, NAME + " " + shared);
            maker.tell("own", NAME);
        }
        awaitLines(shared.resolve("runs"), 1);
        dieEndingIt("stop", list);
        try (Sandboxes engine = Sandboxes.local()) {
            assertThat(engine.sweep().failures()).isEmpty();
            try (Sandbox found = engine.open(NAME)) {
                assertThat(Lab.sh(found, "cat /shared/file")).isEqualTo("the host's");
                found.stop(Duration.ofSeconds(10));
                assertThat(found.info().state()).isEqualTo(SandboxState.EXITED);
            }
        }
        dieEndingIt("remove", list);
        try (Sandboxes engine = Sandboxes.local()) {
            assertThat(engine.sweep().failures()).isEmpty();
            Optional<SandboxInfo> left = engine.list().stream()
                    .filter(info -> info.name().equals(NAME))
                    .findFirst();
            if (left.isPresent() && left.get().state() != SandboxState.DEAD) {
                try (Sandbox found = engine.open(NAME)) {
                    doesAsItDidOrEnds(found);
                }
            }
            removeAll(engine);
        }
    }

    /** Its guest may have been asked to end before its remover died. */
    private static void doesAsItDidOrEnds(Sandbox found) {
        try {
            assertThat(Lab.sh(found, "cat /shared/file")).isEqualTo("the host's");
        } catch (SandboxException.Closed e) {
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (found.info().state() != SandboxState.DEAD) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                LockSupport.parkNanos(20_000_000);
            }
        }
    }

    /** Has it ended by a process that dies before a list. */
    private static void dieEndingIt(String order, int list) throws IOException {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("engine");
            other.tell("die-at", Integer.toString(list));
            other.order(order, NAME);
            assertThat(other.answer()).isEmpty();
            other.await();
        }
    }

    /** A directory of somebody's, which is shared. */
    private static Path directory() throws IOException {
        Path directory = Files.createDirectory(Lab.directory().resolve("shared"));
        Files.writeString(directory.resolve("file"), "the host's\n");
        Lab.onHost("chown", "-R", OWNER + ":" + OWNER, directory.toString());
        return directory;
    }

    /** Whoever made it is gone; whoever comes uses it, starts its command again, and cannot keep it; until who serves its files dies. */
    @Test
    void whoServesItsFilesDies(Sandboxes engine) throws Exception {
        Path shared = directory();
        try (OtherProcess maker = OtherProcess.start()) {
            maker.tell("create-sharing-machine", NAME, NAME + " " + shared);
        }
        try (Sandbox found = engine.open(NAME);
                EventStream events = engine.events()) {
            for (int run = 1; run <= 2; run++) {
                try (Execution own = found.start()) {
                    awaitLines(shared.resolve("runs"), run);
                    found.stop(Duration.ofSeconds(10));
                    assertThat(own.await().code()).isEqualTo(5);
                }
            }
            assertThat(Lab.sh(found, "cat /shared/file; echo more >> /shared/file"))
                    .isEqualTo("the host's");
            assertThat(shared.resolve("file")).hasContent("the host's\nmore\n");
            assertThat(Files.getAttribute(shared.resolve("runs"), "unix:uid")).isEqualTo(OWNER);
            assertThatThrownBy(() -> engine.snapshots().create(found, NAME))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("files of this machine");
            Execution waiting = found.start(ExecSpec.of("sleep", "1000"));
            List<Long> servers = DetachedState.processesOf(found.id() + "-files", 1);
            assertThat(servers).isNotEmpty();
            servers.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            assertThat(waiting.await().reason()).isEqualTo(Exit.Reason.KILLED);
            waiting.close();
            await(engine, SandboxState.DEAD);
            assertThat(found.info().machine()).map(MachineInfo::health).contains(MachineInfo.Health.GONE);
            assertThatThrownBy(() -> found.exec("true")).isInstanceOf(SandboxException.Closed.class);
            assertThat(died(events)).contains("files of this machine");
        } finally {
            removeAll(engine);
        }
    }

    private static String died(EventStream events) {
        while (true) {
            List<SandboxEvent> told = events.next(LONG);
            assertThat(told).isNotEmpty();
            for (SandboxEvent event : told) {
                if (event.kind() == SandboxEvent.Kind.DIED) {
                    return event.detail();
                }
            }
        }
    }

    private static void awaitLines(Path file, int lines) throws IOException {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!Files.exists(file) || Files.readAllLines(file).size() != lines) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(50_000_000);
        }
    }

    /** The reason is told, and nothing is left. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theVmmDiesWhileItIsMade(boolean detached, Sandboxes engine) {
        GuestBoot.observe(step -> {
            if (step.equals("root")) {
                GuestKernels.vmms().forEach(ProcessHandle::destroyForcibly);
            }
        });
        try {
            SandboxSpec.Builder booting = spec().memory(Size.mib(192));
            SandboxSpec wanted = detached ? booting.detached().build() : booting.build();
            assertThatThrownBy(() -> engine.create(wanted)).isInstanceOf(SandboxException.SetupFailed.class);
        } finally {
            GuestBoot.observe(_ -> {});
        }
        assertThat(engine.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
        assertThat(GuestKernels.vmms()).isEmpty();
    }

    /**
     * What it has written is on its volume, though nobody has asked for it, and nobody is there. Its time is long, as it is over for a
     * test that does not come to the writing.
     */
    @Test
    void itsTimeIsOver(Sandboxes engine) throws IOException {
        engine.volumes().create(VOLUME, Optional.of(Size.mib(16)));
        try {
            Sandbox sandbox = engine.create(spec().mount(Mount.volume(VOLUME, "/data"))
                    .mount(Mount.bind(directory(), "/shared"))
                    .lifetime(Lifetime.untilRemoved().limit(Duration.ofSeconds(25)))
                    .build());
            Lab.sh(sandbox, "echo kept > /data/kept");
            sandbox.close();
            await(engine, SandboxState.DEAD);
            assertThat(DetachedState.processesOf(sandbox.id() + "-files", 1)).isEmpty();
            assertThatThrownBy(() -> engine.open(NAME).exec("true")).isInstanceOf(SandboxException.Closed.class);
            assertThat(engine.open(NAME).info().machine())
                    .map(MachineInfo::health)
                    .contains(MachineInfo.Health.GONE);
            engine.open(NAME).remove();
            assertThat(onVolume(engine)).isEqualTo("kept");
        } finally {
            removeAll(engine);
        }
    }

    /** Also what a failure has left, which would hide it else. */
    private static void removeAll(Sandboxes engine) {
        for (SandboxInfo info : engine.list()) {
            if (info.name().equals(NAME)) {
                engine.open(info.id()).remove();
            }
        }
        if (engine.volumes().list().stream().anyMatch(volume -> volume.name().equals(VOLUME))) {
            engine.volumes().remove(VOLUME);
        }
    }

    private static String onVolume(Sandboxes engine) {
        try (Sandbox container = engine.create(
                SandboxSpec.host().mount(Mount.volume(VOLUME, "/srv")).build())) {
            return Lab.sh(container, "cat /srv/kept");
        }
    }

    private static void await(Sandboxes engine, SandboxState state) {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (engine.open(NAME).info().state() != state) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(200_000_000);
        }
    }

    /** Removed by somebody who is not its maker; then once more by itself, with its command. */
    @Test
    void nothingIsLostWhenItIsRemoved(Sandboxes engine) {
        engine.volumes().create(VOLUME, Optional.of(Size.mib(16)));
        try {
            try (Sandbox sandbox = engine.create(
                    spec().mount(Mount.volume(VOLUME, "/data")).detached().build())) {
                Lab.sh(sandbox, "echo removed > /data/kept");
            }
            try (OtherProcess other = OtherProcess.start()) {
                other.tell("remove", NAME);
            }
            assertThat(onVolume(engine)).isEqualTo("removed");
            Sandbox passing = engine.create(spec().mount(Mount.volume(VOLUME, "/data"))
                    .lifetime(Lifetime.untilRemoved().untilEnd())
                    .command(ExecSpec.of("sh", "-c", "echo by itself > /data/kept"))
                    .build());
            passing.start().detach();
            passing.close();
            long deadline = System.nanoTime() + LONG.toNanos();
            while (engine.list().stream().anyMatch(info -> info.name().equals(NAME))) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                LockSupport.parkNanos(200_000_000);
            }
            assertThat(onVolume(engine)).isEqualTo("by itself");
        } finally {
            removeAll(engine);
        }
    }
}
