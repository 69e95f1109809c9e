package dev.cay.engine.microvm;

import dev.cay.BootStep;
import dev.cay.Lifetime;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.state.Executions;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A machine that is to outlive whoever makes it.
 *
 * @param size of its guest
 * @param layers of its image, the lowest first
 * @param others its other disks
 * @param start where it begins
 */
record LastingMachine(
        HostKernel host,
        NetworkSource networks,
        Vmms.Choice choice,
        GuestKernel kernel,
        GuestSize size,
        List<Path> layers,
        MicroVms.DiskFiles others,
        StartPoint start) {
    /**
     * Makes it, and returns when commands can run in it.
     *
     * @param shared what of this machine it sees, which has been found harmless
     * @param deadline a value of {@link System#nanoTime}
     * @return how it came up
     * @throws SandboxException.SetupFailed if it does not; what is left its home and its ledger tell
     */
    List<BootStep> make(MicroVms.Lasting lasting, List<Mount.Bind> shared, long deadline) {
        SandboxSpec spec = lasting.access().spec();
        try {
            if (start.past().isPresent()) {
                start.past().get().check(choice.files(), kernel);
            }
            if (spec.network() instanceof Network.Named named) {
                networks.check(named, true);
            }
            GuestUser owner = shared.isEmpty() ? GuestUser.ROOT : MicroVms.user(spec, layers);
            if (lasting.files().isPresent()) {
                lasting.files().get().start(host, shared, owner, spec.limits(), size.memory());
                lasting.home().endWith(lasting.files().get());
            }
            if (!(spec.network() instanceof Network.Named named)) {
                return make(lasting, Optional.empty(), owner, deadline);
            }
            lasting.ledger().network(named.name());
            String id = lasting.access().id();
            GuestNetwork network = GuestNetwork.connect(
                    host, networks, id, true, named, spec.hostname().orElse(id));
            try {
                return make(lasting, Optional.of(network), owner, deadline);
            } catch (IOException | RuntimeException e) {
                network.close();
                throw e;
            }
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the microVM: " + e.getMessage() + told(lasting), "", e);
        }
    }

    /** The last that has been said, which may be the reason. */
    private static String told(MicroVms.Lasting lasting) {
        try {
            String console = ConsoleTail.lastLines(lasting.said().console());
            String files = lasting.files().isPresent()
                    ? ConsoleTail.lastLines(lasting.said().files())
                    : "";
            return (console.isEmpty() ? "" : "\nthe console's last lines:\n" + console)
                    + (files.isEmpty() ? "" : "\nthe last lines of who serves its files:\n" + files);
        } catch (IOException e) {
            return "\nwhat it said cannot be read: " + e.getMessage();
        }
    }

    private List<BootStep> make(
            MicroVms.Lasting lasting, Optional<GuestNetwork> network, GuestUser owner, long deadline)
            throws IOException {
        if (!(choice.vmm() instanceof QemuVmm qemu)) {
            throw new IllegalStateException("it has been refused");
        }
        long began = System.nanoTime();
        MachineAccess access = lasting.access();
        Furnished furnished = Furnished.of(access.id(), access.spec(), layers, others, network, owner);
        Optional<Past> past = start.past();
        MachineSpec machine = begin(lasting, qemu, furnished, network, deadline);
        try (MachineDoors.Taken channel = access.doors().channel(host, deadline)) {
            BringUp bringUp = new BringUp(
                    host,
                    channel.socket(),
                    furnished.wanted(),
                    past.isPresent()
                            ? Optional.empty()
                            : access.spec().furnishing().init(),
                    network,
                    deadline);
            Optional<BringUp.Relay> relay =
                    lasting.files().flatMap(files -> files.relay(host, access.doors(), deadline));
            Optional<String> relayed = relay.map(_ -> furnished.wanted().firstShare());
            BringUp.Begun begun = new BringUp.Begun(
                    began,
                    qemu.serials(furnished.disks()),
                    kernel.acpi(),
                    kind(lasting, machine),
                    start.groundwork(furnished.disks()),
                    start.first(furnished, network),
                    past.map(Past::surroundings));
            BringUp.Up up = bringUp.run(begun, relay, stub -> last(stub, access.spec(), relayed));
            try {
                access.write(new MachineNote(
                        begun.kind(),
                        up.answered(),
                        kernel.acpi(),
                        furnished.wanted().keepsChanges(),
                        up.surroundings(),
                        Optional.empty(),
                        new MachineNote.Likeness(choice.files().key(kernel, size), start.places())));
                // Whoever it belongs to could not enter it else.
                GuestCommands.open(up.stub(), access.id(), access.spec(), up.surroundings())
                        .close();
                if (past.isPresent()) {
                    GuestReturn.goOn(up.stub());
                }
                return up.steps();
            } finally {
                up.stub().close();
            }
        }
    }

    private MachineKind kind(MicroVms.Lasting lasting, MachineSpec machine) {
        return new MachineKind(
                machine.acceleration() instanceof Acceleration.Emulated,
                start.beginning(),
                start.template(),
                lasting.files().map(LastingFiles::giver));
    }

    private MachineSpec begin(
            MicroVms.Lasting lasting, QemuVmm qemu, Furnished furnished, Optional<GuestNetwork> network, long deadline)
            throws IOException {
        MachineSpec machine = start.machine(
                        choice.files(), kernel, size, furnished.disks(), network.map(GuestNetwork::card))
                .with(lasting.files().flatMap(LastingFiles::connection))
                .within(lasting.access().spec().limits());
        MachineDoors doors = lasting.access().doors();
        Optional<Fd> relay = lasting.files().flatMap(LastingFiles::channel);
        doors.setServed(start.past().map(Past::ports).orElse(1));
        if (start.past().isPresent()) {
            start.past().get().start(host, qemu, machine, lasting.home(), doors, deadline);
        } else if (start.warm().isPresent()) {
            GuestBoot.announce("vmm");
            MachineTemplates.Warm warm = start.warm().get();
            qemu.detach(machine, lasting.home(), warm.origin(), doors.listen(host), relay);
            try (Monitor monitor = Monitor.take(host, doors)) {
                GuestBoot.announce("state");
                new QemuMigration(monitor).receive(warm.state().reader(), false);
            }
        } else {
            qemu.detach(machine, lasting.home(), new Origin.Boot(), doors.listen(host), relay);
            if (QemuCommand.measuresTimer(qemu.type(), machine)) {
                try (Monitor monitor = Monitor.take(host, doors)) {
                    TimerWatch.settle(monitor.boot(lasting.said()), deadline);
                }
            }
        }
        if (others.changes().isPresent()) {
            lasting.home().hold(host, others.changes().get());
        }
        return machine;
    }

    /** What comes when its root is there. It is served by any process: it is not alone when none is there. */
    private List<GuestStep> last(Stub stub, SandboxSpec spec, Optional<String> relayed) {
        Lifetime lifetime = spec.lifetime();
        List<GuestStep> steps = new ArrayList<>();
        steps.add(new GuestStep.Talk("clock", true, guest -> GuestClock.correct(guest, InstantSource.system())));
        if (!start.past().map(Past::hasRecords).orElse(false)) {
            steps.add(GuestRecords.make(size.memory()));
        }
        steps.add(new GuestStep.Talk("lifetime", true, _ -> {
            stub.leave(GuestShutdown.alone(kernel.acpi(), relayed), 0);
            stub.endAfter(
                    lifetime.limit().map(Duration::toMillis).orElse(0L),
                    lifetime.idle().map(Duration::toMillis).orElse(0L),
                    lifetime.removedAtEnd() ? Executions.OWN : 0);
        }));
        steps.add(new GuestStep.Talk("ready", true, _ -> stub.ping()));
        return List.copyOf(steps);
    }
}
