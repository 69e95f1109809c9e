package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.MachineInfo;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.linux.HostKernel;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Where a machine begins: with its kernel, as a clone of a template, or where another one was.
 *
 * @param warm the template; empty if there is a past
 * @param past where another one was
 */
record StartPoint(Optional<MachineTemplates.Warm> warm, Optional<Past> past) {
    StartPoint {
        requireNonNull(warm, "warm is null");
        requireNonNull(past, "past is null");
        if (warm.isPresent() && past.isPresent()) {
            throw new IllegalArgumentException("a clone has no past of its own");
        }
    }

    /** A machine that begins there. */
    MachineSpec machine(
            MachineFiles files,
            GuestKernel kernel,
            GuestSize size,
            List<Disk> disks,
            Optional<MachineSpec.NetworkCard> card)
            throws IOException {
        if (past.isPresent()) {
            return files.again(kernel, size, disks, card);
        }
        return warm.isPresent()
                ? files.clone(kernel, warm.get().template(), disks, card)
                : files.machine(kernel, size, disks, card);
    }

    /** How a machine begins whose VMM has not waited for it. */
    MachineInfo.Beginning beginning() {
        if (past.isPresent()) {
            return MachineInfo.Beginning.COPY;
        }
        return warm.isPresent() ? MachineInfo.Beginning.TEMPLATE : MachineInfo.Beginning.BOOT;
    }

    /** A machine that has been started. */
    record Started(Machine machine, MachineInfo.Beginning began) {}

    /**
     * Starts it; one that is spare is taken if there is one.
     *
     * @param doors by which others are to come to it, if they may
     */
    Started start(
            HostKernel host,
            Vmms.Choice choice,
            SpareMachines spares,
            MachineSpec machine,
            Optional<MachineDoors> doors)
            throws IOException {
        if (warm.isPresent() && doors.isPresent()) {
            Optional<Machine> spare = spares.take(warm.get(), machine, doors.get());
            if (spare.isPresent()) {
                return new Started(spare.get(), MachineInfo.Beginning.SPARE);
            }
        }
        MachineSpec open = doors.isPresent() ? machine.withDoors(doors.get().listen(host)) : machine;
        if (past.isPresent()) {
            return new Started(past.get().start(host, choice, open), beginning());
        }
        return new Started(
                choice.vmm().start(open, warm.map(MachineTemplates.Warm::origin).orElse(new Origin.Boot())),
                beginning());
    }

    /** Whether the machine has all the devices that a clone can have. */
    boolean places() {
        return warm.isPresent() || past.map(Past::places).orElse(false);
    }

    /** The name of the template or snapshot; empty if it boots. */
    Optional<String> template() {
        return past.map(Past::name).or(() -> warm.map(one -> one.template().name()));
    }

    /** What its guest has already. */
    Groundwork groundwork(List<Disk> disks) {
        return past.map(_ -> Groundwork.ALL)
                .or(() -> warm.map(one -> GuestPlaces.groundwork(one.template(), disks)))
                .orElse(Groundwork.NONE);
    }

    /** What its guest has to be told before anything else. */
    List<GuestStep> first(Furnished furnished, Optional<GuestNetwork> network) {
        return past.map(_ -> GuestReturn.steps(furnished.wanted(), network))
                .or(() -> warm.map(one -> GuestPlaces.resume(one.template(), furnished.disks(), network.isPresent())))
                .orElse(List.of());
    }
}
