package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import dev.cay.engine.microvm.GuestBoot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of this machine in microVMs that outlive their makers, where there is no virtiofsd: a process of ours stays behind. */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DetachedRelayTest {
    private static final String NAME = "cay-it-relaying";
    private static final String PROPERTY = "dev.cay.shares";
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final int OWNER = 4567;

    @BeforeAll
    void make() throws IOException {
        System.setProperty(PROPERTY, "relay");
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.debian();
            GuestKernels.importSmall(maker, NAME);
            maker.templates().create(NAME, Size.mib(256)); // as much as those have that other processes make
        }
    }

    @AfterAll
    void remove() {
        System.clearProperty(PROPERTY);
        try (Sandboxes last = Sandboxes.local()) {
            last.templates().remove(NAME);
            last.images().remove(NAME);
        }
    }

    /** A directory of somebody's, which is shared. */
    private static Path directory() throws IOException {
        Path directory = Files.createDirectory(Lab.directory().resolve("shared"));
        Files.writeString(directory.resolve("file"), "the host's\n");
        Lab.onHost("chown", "-R", OWNER + ":" + OWNER, directory.toString());
        return directory;
    }

    private static SandboxSpec.Builder spec(Path shared) {
        return SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .name(NAME)
                .memory(Size.mib(256))
                .tmpfs(Size.mib(64))
                .mount(Mount.bind(shared, "/shared"));
    }

    private static OtherProcess other() {
        OtherProcess other = OtherProcess.start();
        other.tell("property", PROPERTY, "relay");
        return other;
    }

    private static List<Long> relays(String sandbox) {
        return DetachedState.processesOf(sandbox + "-files", 1);
    }

    private static void kill(List<Long> processes) {
        assertThat(processes).isNotEmpty();
        processes.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
    }

    private static void await(Sandboxes engine, SandboxState state) {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (engine.open(NAME).info().state() != state) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(200_000_000);
        }
    }

    private static void awaitLines(Path file, int lines) throws IOException {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!Files.exists(file) || Files.readAllLines(file).size() != lines) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(50_000_000);
        }
    }

    /** Also what a failure has left, which would hide it else. */
    private static void removeAll(Sandboxes engine) {
        for (SandboxInfo info : engine.list()) {
            if (info.name().equals(NAME)) {
                engine.open(info.id()).remove();
            }
        }
    }

    /** Whoever made it is killed; whoever comes uses it as any other, until the relay is killed, and the machine ends. */
    @Test
    void itIsServedWhenItsMakerIsGoneUntilTheRelayIsKilled(Sandboxes engine) throws Exception {
        Path shared = directory();
        try (OtherProcess maker = other()) {
            maker.tell("create-sharing-machine", NAME, NAME + " " + shared);
            maker.kill();
        }
        try (Sandbox found = engine.open(NAME);
                EventStream events = engine.events()) {
            assertThat(found.info().machine()).flatMap(MachineInfo::template).contains(NAME);
            assertThat(found.info().machine()).flatMap(MachineInfo::files).contains(MachineInfo.Files.RELAY);
            for (int run = 1; run <= 2; run++) {
                try (Execution own = found.start()) {
                    awaitLines(shared.resolve("runs"), run);
                    found.stop(Duration.ofSeconds(10));
                    assertThat(own.await().code()).isEqualTo(5);
                }
            }
            content(found, shared);
            found.pause();
            found.resume();
            assertThat(Lab.sh(found, "ls /shared")).contains("runs");
            eightAreIn(engine);
            assertThatThrownBy(() -> engine.snapshots().create(found, NAME))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("files of this machine");
            try (Execution waiting = found.start(ExecSpec.of("sleep", "1000"))) {
                kill(relays(found.id()));
                assertThat(waiting.await().reason()).isEqualTo(Exit.Reason.KILLED);
            }
            await(engine, SandboxState.DEAD);
            assertThat(found.info().machine()).map(MachineInfo::health).contains(MachineInfo.Health.GONE);
            assertThat(died(events)).contains("files of this machine");
        } finally {
            removeAll(engine);
        }
    }

    private static void content(Sandbox found, Path shared) throws IOException {
        assertThat(Lab.sh(found, "cat /shared/file; echo more >> /shared/file")).isEqualTo("the host's");
        assertThat(shared.resolve("file")).hasContent("the host's\nmore\n");
        byte[] bytes = new byte[1_000_017];
        new Random(7).nextBytes(bytes);
        found.files().write("/shared/bytes", bytes);
        assertThat(shared.resolve("bytes")).hasBinaryContent(bytes);
        try (InputStream read = found.files().read("/shared/bytes")) {
            assertThat(read).hasBinaryContent(bytes);
        }
        for (String file : List.of("runs", "bytes")) {
            assertThat(Files.getAttribute(shared.resolve(file), "unix:uid")).isEqualTo(OWNER);
        }
    }

    /** The relay has none of the channels that others have. */
    private static void eightAreIn(Sandboxes engine) {
        List<Sandbox> open = new ArrayList<>();
        try (Sandboxes other = Sandboxes.local()) {
            for (int i = 0; i < 7; i++) { // besides ours
                open.add(other.open(NAME));
                assertThat(open.getLast().exec("cat", "/shared/file").exit()).isEqualTo(Exit.exited(0));
            }
            assertThat(engine.open(NAME).info().machine())
                    .map(MachineInfo::health)
                    .contains(MachineInfo.Health.HEALTHY);
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

    /** Nobody is there then but who looks next, who finds nothing of it. */
    @ParameterizedTest
    @ValueSource(strings = {"vmm", "root", "relay", "mounts", "ready"})
    void whoeverMakesItDiesBeforeAStep(String step) throws IOException {
        try (OtherProcess other = other()) {
            other.tell("die-before-step", step);
            other.order("create-sharing-machine", NAME, NAME + " " + directory());
            assertThat(other.answer()).isEmpty();
            other.await();
        }
        nothingIsLeft();
    }

    @ParameterizedTest
    @ValueSource(ints = {20, 35, 45})
    void whoeverMakesItDiesBeforeThereIsAMachine(int list) throws IOException {
        try (OtherProcess other = other()) {
            other.tell("engine");
            other.tell("die-at", Integer.toString(list));
            other.order("create-sharing-machine", NAME, NAME + " " + directory());
            assertThat(other.answer()).isEmpty();
            other.await();
        }
        nothingIsLeft();
    }

    private static void nothingIsLeft() {
        try (Sandboxes engine = Sandboxes.local()) {
            assertThat(engine.sweep().failures()).isEmpty();
            assertThat(engine.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
        }
    }

    /** Nor does the relay, when the VMM is killed, or it is removed while it has something to do. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void itEndsWithItsMachine(boolean killed, Sandboxes engine) throws Exception {
        try (Sandbox sandbox = engine.create(spec(directory()).detached().build())) {
            List<Long> relays = relays(sandbox.id());
            assertThat(relays).isNotEmpty();
            try (Execution busy = sandbox.start(ExecSpec.of(
                    "sh", "-c", "while :; do dd if=/dev/zero of=/shared/z bs=64k count=16; done 2>/dev/null"))) {
                Thread.sleep(500);
                if (killed) {
                    GuestKernels.vmms().forEach(ProcessHandle::destroyForcibly);
                    assertThat(busy.await().reason()).isEqualTo(Exit.Reason.KILLED);
                    await(engine, SandboxState.DEAD);
                }
            }
            sandbox.remove();
            long deadline = System.nanoTime() + LONG.toNanos();
            while (relays.stream().anyMatch(pid -> ProcessHandle.of(pid).isPresent())) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                LockSupport.parkNanos(20_000_000);
            }
        } finally {
            removeAll(engine);
        }
    }

    /** Then there is no machine, and nothing is left. */
    @Test
    void theRelayDiesWhileItIsMade(Sandboxes engine) throws IOException {
        GuestBoot.observe(step -> {
            if (step.equals("root")) {
                for (SandboxInfo info : engine.list()) {
                    kill(relays(info.id()));
                }
            }
        });
        try {
            SandboxSpec wanted = spec(directory()).detached().build();
            assertThatThrownBy(() -> engine.create(wanted)).isInstanceOf(SandboxException.SetupFailed.class);
        } finally {
            GuestBoot.observe(_ -> {});
        }
        assertThat(engine.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
    }

    /** Neither the relay's session nor what it reads keeps it up; and its end does not wait for what the relay has to bring. */
    @Test
    void itEndsWhenNobodyHasBeenThereForAWhile(Sandboxes engine) throws IOException {
        try (Sandbox sandbox = engine.create(spec(directory())
                .memory(Size.mib(192)) // there is no template for that: it boots
                .lifetime(Lifetime.untilRemoved().idle(Duration.ofSeconds(4)))
                .build())) {
            assertThat(sandbox.info().machine()).flatMap(MachineInfo::template).isEmpty();
            Lab.sh(sandbox, "cat /shared/file");
        }
        try {
            await(engine, SandboxState.DEAD);
        } finally {
            removeAll(engine);
        }
    }
}
