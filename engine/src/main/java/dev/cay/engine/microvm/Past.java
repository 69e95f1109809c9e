package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.state.Snapshot;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a microVM goes on.
 *
 * @param name of the snapshot
 * @param state its machine
 */
public record Past(String name, Snapshot snapshot, Path state) {
    public Past {
        requireNonNull(name, "name is null");
        requireNonNull(snapshot, "snapshot is null");
        requireNonNull(state, "state is null");
    }

    /** @throws dev.cay.SandboxException.Unsupported if a machine of today cannot go on there */
    void check(MachineFiles files, GuestKernel kernel) throws IOException {
        Vmm.refuse(
                !files.key(kernel, GuestSize.of(snapshot.spec(), Optional.of(this)))
                        .equals(snapshot.machine().key()),
                "the snapshot " + name + " is of another kernel, VMM, processor or version of Cay",
                "make it again, or prefer the kernel that it had (cay kernel default)");
    }

    /** Has a machine go on there; returns when it runs. */
    Machine start(HostKernel host, Vmms.Choice choice, MachineSpec again) throws IOException {
        try (Fd opened = MachineKeeping.open(host, state)) {
            return choice.vmm().start(again, new Origin.Saved(opened, places(), ports()));
        }
    }

    /**
     * The same with a machine that outlives this process; returns when it runs.
     *
     * @param deadline a value of {@link System#nanoTime}
     */
    void start(HostKernel host, QemuVmm qemu, MachineSpec machine, LastingHome home, MachineDoors doors, long deadline)
            throws IOException {
        try (Fd opened = MachineKeeping.open(host, state)) {
            qemu.detach(
                    machine, home, new Origin.Saved(opened, places(), ports()), doors.listen(host), Optional.empty());
            try (Monitor monitor = Monitor.take(host, doors)) {
                QemuMigration migration = new QemuMigration(monitor);
                migration.receive(opened, true);
                migration.awaitRunning(deadline);
            }
        }
    }

    /** Whether its machine has all the devices that a clone can have. */
    boolean places() {
        return snapshot.machine().places();
    }

    /** How many channels its guest has. */
    int ports() {
        return snapshot.machine().ports();
    }

    /** Whether its guest was one that outlives its maker. */
    boolean isLasting() {
        return snapshot.spec().lifetime().detached();
    }

    /** Whether its guest has what it takes to serve several processes. */
    boolean hasRecords() {
        return isLasting() || ports() > 1;
    }

    /** What its commands find in it. */
    GuestSurroundings surroundings() {
        return new GuestSurroundings(
                snapshot.machine().variables(), snapshot.machine().programs());
    }
}
