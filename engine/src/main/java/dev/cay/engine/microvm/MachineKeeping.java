package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.state.Snapshot;
import dev.cay.engine.state.SnapshotStore;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SparseFile;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Writes down a microVM that runs: its memory, and its disk as it is while nobody changes it. */
record MachineKeeping(MicroVm.Origins origins, GuestSurroundings surroundings, Optional<Fd> disk)
        implements AutoCloseable {
    /** @param surroundings what its commands find in it */
    static MachineKeeping of(HostKernel host, MicroVm.Origins origins, GuestSurroundings surroundings)
            throws IOException {
        Optional<Fd> disk = origins.changes().isPresent()
                ? Optional.of(open(host, origins.changes().get()))
                : Optional.empty();
        return new MachineKeeping(origins, surroundings, disk);
    }

    /**
     * What is to be known of one that has been kept.
     *
     * @param halted how long it stood still
     * @param ports how many channels its guest had
     * @param last the highest number that a command of another process than its maker had
     */
    record Kept(Duration halted, int ports, int last) {}

    /** Copies disks. */
    interface Disks {
        void copy() throws IOException;
    }

    @Override
    public void close() {
        disk.ifPresent(Fd::close);
    }

    /** Refuses what would be in two machines, and what does not stand still. */
    static void check(SandboxSpec spec, Vmm vmm) {
        Vmm.refuse(
                spec.mounts().stream().anyMatch(Mount.Named.class::isInstance),
                "a sandbox with a volume cannot be kept: the volume would be in two machines",
                "copy what it needs of the volume, and leave that out");
        Vmm.refuse(
                spec.mounts().stream().anyMatch(Mount.Bind.class::isInstance),
                "a sandbox that sees files of this machine cannot be kept: who serves them works in its memory",
                "copy them with 'cay cp', and leave out -v");
        Vmm.refuse(
                spec.furnishing().init().isPresent(),
                "a sandbox with the init of its image cannot be kept: that does not stand still meanwhile",
                "leave out --image-init");
        Vmm.refuse(
                !vmm.abilities().contains(Vmm.Ability.CLONES),
                "the VMM of this sandbox keeps no machines",
                "make it with --vmm qemu");
    }

    /** Opens a file for reading. */
    static Fd open(HostKernel host, Path file) throws SyscallException {
        Op open = FileOps.open(file.toString(), FileOps.O_RDONLY);
        return host.run(OpList.of(open)).fd(open);
    }

    /** @return what is to be known of it; not named yet */
    Snapshot keep(MicroVm machine, SnapshotStore.Draft draft, Vmms.Choice choice, HostKernel host) throws IOException {
        check(origins.spec(), choice.vmm());
        String key = choice.files().key(origins.kernel(), origins.size());
        Files.createFile(draft.machine());
        Op open = FileOps.open(draft.machine().toString(), FileOps.O_WRONLY);
        Kept standing;
        try (Fd state = host.run(OpList.of(open)).fd(open)) {
            standing = machine.keep(state, () -> {
                if (disk.isPresent()) {
                    Files.createFile(draft.changes());
                    SparseFile.copy(host, disk.get(), draft.changes());
                }
            });
        }
        Snapshot.Machine kept = new Snapshot.Machine(
                key,
                origins.size().memory(),
                origins.places(),
                standing.ports(),
                surroundings.variables(),
                surroundings.programs());
        Snapshot.Commands commands = new Snapshot.Commands(standing.last(), false);
        return new Snapshot(origins.spec(), kept, commands, standing.halted(), Instant.now());
    }
}
