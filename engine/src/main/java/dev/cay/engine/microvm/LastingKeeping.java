package dev.cay.engine.microvm;

import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Writable;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.Snapshot;
import dev.cay.engine.state.SnapshotStore;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SparseFile;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * Writes down a microVM that this process did not make, while it runs. If this process is killed, {@link MachineAccess#mend} lets the
 * microVM go on.
 */
record LastingKeeping(MachineAccess access, HostKernel host) {
    private static volatile Consumer<String> observer = _ -> {};

    /** For tests: is told the name of each step of all that this process keeps before it is taken. */
    static void observe(Consumer<String> watching) {
        observer = watching;
    }

    /** @return what is to be known of it; not named yet */
    Snapshot keep(Guest guest, SnapshotStore.Draft draft, Vmm vmm, Size memory, Snapshot.Commands commands)
            throws IOException {
        SandboxSpec spec = access.spec();
        MachineKeeping.check(spec, vmm);
        MachineNote note = access.note();
        Optional<Fd> disk = spec.writable() instanceof Writable.Disk
                ? Optional.of(HeldDisk.open(host, SandboxStore.socket(access.directory())))
                : Optional.empty();
        MachineDoors doors = access.doors();
        AtomicReference<Duration> halted = new AtomicReference<>(Duration.ZERO);
        AtomicInteger ports = new AtomicInteger();
        try {
            doors.changing(
                    () -> { // nobody plugs in anything meanwhile
                        ports.set(doors.served());
                        halted.set(write(guest, draft, disk));
                    });
        } finally {
            disk.ifPresent(Fd::close);
        }
        Snapshot.Machine kept = new Snapshot.Machine(
                note.likeness().key(),
                memory,
                note.likeness().places(),
                ports.get(),
                note.surroundings().variables(),
                note.surroundings().programs());
        return new Snapshot(spec, kept, commands, halted.get(), Instant.now());
    }

    private Duration write(Guest guest, SnapshotStore.Draft draft, Optional<Fd> disk) throws IOException {
        Files.createFile(draft.machine());
        Op open = FileOps.open(draft.machine().toString(), FileOps.O_WRONLY);
        try (Fd state = host.run(OpList.of(open)).fd(open);
                Monitor monitor = Monitor.take(host, access.doors())) {
            return halted(guest, monitor, () -> {
                new QemuMigration(monitor).save(state, true, () -> observer.accept("written"));
                observer.accept("disk");
                if (disk.isPresent()) {
                    Files.createFile(draft.changes());
                    SparseFile.copy(host, disk.get(), draft.changes());
                }
            });
        }
    }

    /** What is done while it stands still. */
    private interface Work {
        void run() throws IOException;
    }

    private Duration halted(Guest guest, Monitor monitor, Work work) throws IOException {
        observer.accept("note");
        access.setHalted(true);
        long began = System.nanoTime();
        try {
            observer.accept("halt");
            guest.halt();
            observer.accept("memory");
            work.run();
        } finally {
            observer.accept("machine");
            new QemuMigration(monitor).giveUp();
            observer.accept("processes");
            guest.goOn();
            observer.accept("forget");
            access.setHalted(false);
        }
        return Duration.ofNanos(System.nanoTime() - began);
    }
}
