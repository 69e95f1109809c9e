package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Lifetime;
import dev.cay.SandboxEvent;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.SweepReport;
import dev.cay.engine.state.Sweep.Decision;
import dev.cay.engine.state.Sweep.Evidence;
import dev.cay.engine.state.Sweep.Writing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SweepTest {
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);
    private static final String ENGINE = "0123456789";
    private static final SandboxSpec DETACHED = SandboxSpec.host().detached().build();
    private static final SandboxSpec ATTACHED = SandboxSpec.host().build();

    /** A machine on which some processes and engines live. */
    private static final class Machine implements Sweep.Liveness, Undoer {
        private final Set<ProcessIdentity> processes = new HashSet<>();
        private final Set<String> engines = new HashSet<>();
        private final Set<String> hungry = new HashSet<>();
        private final List<String> undone = new ArrayList<>();
        private boolean broken;

        @Override
        public boolean isAlive(ProcessIdentity process) {
            return processes.contains(process);
        }

        @Override
        public boolean isEngineAlive(String engine) {
            return engines.contains(engine);
        }

        @Override
        public String currentBoot() {
            return "boot";
        }

        @Override
        public boolean ranOutOfMemory(String group) {
            return hungry.contains(group);
        }

        @Override
        public void undo(String sandbox, Undo undo) throws IOException {
            if (broken) {
                throw new IOException("busy");
            }
            undone.add(sandbox + " " + undo);
            if (undo instanceof Undo.KillProcess kill) {
                processes.remove(kill.process());
            }
        }
    }

    @TempDir
    private Path base;

    private SandboxStore store;
    private final Machine machine = new Machine();

    @BeforeEach
    void here() throws IOException {
        store = SandboxStore.open(base);
    }

    private static ProcessIdentity process(String id) {
        return new ProcessIdentity(Integer.parseInt(id, 16), 1, "boot");
    }

    private void make(String id, SandboxSpec spec) throws IOException {
        store.create(SandboxRecord.creating(id, spec, NOW, ENGINE));
        store.journal(id).add(new Undo.RemoveCgroup(id));
        store.journal(id).add(new Undo.KillProcess(process(id)));
        store.advance(id, new Event.Made(process(id)));
        machine.processes.add(process(id));
    }

    private SweepReport sweep() throws IOException {
        return sweep(NOW);
    }

    private SweepReport sweep(Instant time) throws IOException {
        return Sweep.run(store, machine, machine, time);
    }

    @Test
    void whatLivesIsLeftAlone() throws IOException {
        make("aaaa", DETACHED);
        make("bbbb", ATTACHED);
        machine.engines.add(ENGINE);
        assertThat(sweep()).isEqualTo(new SweepReport(List.of("aaaa"), List.of(), List.of()));
        assertThat(machine.undone).isEmpty();
        assertThat(store.ids()).hasSize(2);
    }

    @Test
    void anAttachedSandboxGoesWithItsEngine() throws IOException {
        make("aaaa", ATTACHED);
        make("bbbb", DETACHED);
        store.create(SandboxRecord.creating("cccc", DETACHED, NOW, ENGINE));
        store.journal("cccc").add(new Undo.ReleaseIds());
        try (EventStream events = store.events().follow()) {
            assertThat(sweep()).isEqualTo(new SweepReport(List.of("bbbb"), List.of("aaaa", "cccc"), List.of()));
            assertThat(events.next(Duration.ofSeconds(10)))
                    .extracting(SandboxEvent::kind)
                    .containsExactly(SandboxEvent.Kind.REMOVED, SandboxEvent.Kind.REMOVED);
        }
        assertThat(machine.undone)
                .containsExactly(
                        "aaaa " + new Undo.KillProcess(process("aaaa")), // at once, and from the journal
                        "aaaa " + new Undo.KillProcess(process("aaaa")),
                        "aaaa " + new Undo.RemoveCgroup("aaaa"),
                        "cccc " + new Undo.ReleaseIds());
        assertThat(store.ids()).containsExactly("bbbb");
        assertThat(sweep().removed()).isEmpty();
    }

    @Test
    void aDetachedSandboxThatDiedIsBuriedOnce() throws IOException {
        make("aaaa", DETACHED);
        store.executions("aaaa").begin(2, ExecSpec.of("true"), "root", NOW);
        machine.processes.clear();
        try (EventStream events = store.events().follow()) {
            assertThat(sweep()).isEqualTo(new SweepReport(List.of(), List.of(), List.of()));
            assertThat(events.next(Duration.ofSeconds(10)))
                    .containsExactly(new SandboxEvent(
                            NOW,
                            "aaaa",
                            "aaaa",
                            SandboxEvent.Kind.DIED,
                            OptionalInt.empty(),
                            "its first process was killed"));
        }
        assertThat(store.read("aaaa").state()).isEqualTo(SandboxState.DEAD);
        assertThat(store.executions("aaaa").list(true)).hasSize(1);
        int undone = machine.undone.size();
        sweep();
        assertThat(machine.undone).hasSize(undone);
    }

    @Test
    void whatCouldNotBeUndoneIsTriedAgain() throws IOException {
        make("aaaa", DETACHED);
        make("bbbb", ATTACHED);
        machine.processes.clear();
        machine.broken = true;
        assertThat(sweep().failures()).containsExactly("sandbox aaaa: busy", "sandbox bbbb: busy");
        assertThat(store.read("aaaa").state()).isEqualTo(SandboxState.DEAD);
        assertThat(store.read("bbbb").state()).isEqualTo(SandboxState.REMOVING);

        machine.broken = false;
        assertThat(sweep()).isEqualTo(new SweepReport(List.of(), List.of("bbbb"), List.of()));
        assertThat(store.journal("aaaa").pending()).isEmpty();
        assertThat(store.read("aaaa").state()).isEqualTo(SandboxState.DEAD);
    }

    @Test
    void whyItDiedIsWhatItSaidItself() throws IOException {
        SandboxSpec spec = SandboxSpec.host()
                .lifetime(Lifetime.untilRemoved().limit(Duration.ofHours(1)))
                .build();
        make("aaaa", spec);
        make("bbbb", spec);
        make("cccc", spec);
        make("dddd", spec);
        Instant later = NOW.plusSeconds(3601);
        assertThat(sweep(later).adopted())
                .as("its own clock decides, which nobody sets")
                .containsExactly("aaaa", "bbbb", "cccc", "dddd");
        machine.processes.clear();
        Files.writeString(store.messages("aaaa"), "lifetime\n");
        Files.writeString(store.messages("bbbb"), "idle\n");
        store.update("cccc", record -> record.cgroup("cccc"));
        machine.hungry.add("cccc");
        try (EventStream events = store.events().follow()) {
            assertThat(sweep(later).adopted()).isEmpty();
            assertThat(events.next(Duration.ofSeconds(10)))
                    .extracting(SandboxEvent::detail)
                    .containsExactly(
                            "its time was over", "nobody used it", "out of memory", "its first process was killed");
        }
        assertThat(store.read("aaaa").state()).isEqualTo(SandboxState.DEAD);
    }

    /** Its own command ended while nobody looked, and it with that. */
    @Test
    void whatIsRemovedAtItsEndLeavesNothing() throws IOException {
        make(
                "aaaa",
                SandboxSpec.host()
                        .name("web")
                        .command(ExecSpec.of("true"))
                        .lifetime(Lifetime.untilRemoved().untilEnd())
                        .build());
        store.advance("aaaa", new Event.StartRequested());
        store.executions("aaaa").begin(Executions.OWN, ExecSpec.of("true"), "root", NOW);
        store.executions("aaaa").ended(Executions.OWN, Exit.exited(3), Optional.empty());
        assertThat(sweep().adopted()).containsExactly("aaaa");
        machine.processes.clear();
        Files.writeString(store.messages("aaaa"), "command\n");
        try (EventStream events = store.events().follow()) {
            assertThat(sweep()).isEqualTo(new SweepReport(List.of(), List.of("aaaa"), List.of()));
            assertThat(events.next(Duration.ofSeconds(10)))
                    .extracting(SandboxEvent::kind, SandboxEvent::detail)
                    .containsExactly(
                            tuple(SandboxEvent.Kind.EXITED, "exit code 3"),
                            tuple(SandboxEvent.Kind.DIED, "its command had ended"),
                            tuple(SandboxEvent.Kind.REMOVED, ""));
        }
        assertThat(store.ids()).isEmpty();
        assertThat(machine.undone).hasSize(3);
    }

    @Test
    void whatIsDamagedIsRemovedByItsJournal() throws IOException {
        make("aaaa", SandboxSpec.host().detached().name("web").build());
        Files.writeString(base.resolve("aaaa/state.json"), "{\"version\":1,");
        assertThat(sweep().removed()).containsExactly("aaaa");
        assertThat(machine.processes).isEmpty();
        assertThat(machine.undone).hasSize(2);
        assertThat(Directories.names(base.resolve("names"))).isEmpty();
    }

    @Test
    void whatAnotherVersionWroteIsLeftAlone() throws IOException {
        make("aaaa", ATTACHED);
        Path file = base.resolve("aaaa/state.json");
        Files.writeString(file, Files.readString(file).replace("\"version\":1", "\"version\":9,\"new\":1"));
        assertThat(sweep()).isEqualTo(new SweepReport(List.of(), List.of(), List.of()));
        assertThat(store.ids()).containsExactly("aaaa");
    }

    @Test
    void whatSomebodyWorksOnIsLeftToThem() throws Exception {
        make("aaaa", ATTACHED);
        SandboxStore other = SandboxStore.open(base);
        Thread[] sweeper = new Thread[1];
        List<SweepReport> reports = new ArrayList<>();
        store.locked("aaaa", () -> {
            sweeper[0] = Thread.startVirtualThread(() -> {
                try {
                    reports.add(Sweep.run(other, machine, machine, NOW));
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            try {
                sweeper[0].join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return "";
        });
        assertThat(reports).containsExactly(new SweepReport(List.of(), List.of(), List.of()));
        assertThat(store.ids()).containsExactly("aaaa");
    }

    /** Every combination: nothing that lives and has nobody to blame is killed, nothing that is dead stays as if it lived. */
    @Test
    void everyDecisionMakesSense() {
        for (SandboxState state : SandboxState.values()) {
            for (int bits = 0; bits < 64; bits++) {
                boolean detached = (bits & 32) != 0;
                boolean pending = (bits & 16) != 0;
                boolean processAlive = (bits & 8) != 0;
                boolean ownerAlive = (bits & 4) != 0;
                boolean rebooted = (bits & 2) != 0;
                boolean expired = (bits & 1) != 0;
                SandboxRecord record = record(state, detached);
                Decision decision = Sweep.decide(new Evidence(
                        new Writing.Readable(record),
                        pending,
                        processAlive,
                        ownerAlive,
                        rebooted,
                        expired ? Death.EXPIRED : Death.KILLED));
                String what = record.state() + " " + Integer.toBinaryString(bits) + " " + decision;
                boolean lives =
                        state == SandboxState.CREATED || state == SandboxState.RUNNING || state == SandboxState.EXITED;
                if (!detached) {
                    assertThat(decision)
                            .as(what)
                            .isEqualTo(ownerAlive ? new Decision.LeaveAlone() : new Decision.Remove());
                } else if (lives && processAlive && !rebooted) {
                    assertThat(decision).as(what).isEqualTo(new Decision.Adopt());
                } else if (lives) {
                    assertThat(decision).as(what).isInstanceOf(Decision.Bury.class);
                } else if (state == SandboxState.DEAD && !pending) {
                    assertThat(decision).as(what).isEqualTo(new Decision.LeaveAlone());
                } else {
                    assertThat(decision).as(what).isNotInstanceOfAny(Decision.Adopt.class, Decision.LeaveAlone.class);
                }
            }
        }
    }

    private static SandboxRecord record(SandboxState state, boolean detached) {
        return new SandboxRecord(
                "aaaa",
                state,
                0,
                DETACHED,
                NOW,
                Optional.of(process("aaaa")),
                detached ? SandboxRecord.DETACHED : ENGINE,
                Optional.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                1);
    }
}
