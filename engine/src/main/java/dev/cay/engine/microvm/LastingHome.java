package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.Ledger;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The same container as a {@link ContainerHome} for a VMM that outlives whoever started it. It is the sandbox, as far as this machine
 * is concerned: with its first process, which ends with the VMM, it lives and ends, and it is undone by the same journal. Used once.
 */
public final class LastingHome {
    /** How much longer than its guest, which ends by itself, it may live at the most. */
    private static final Duration MARGIN = Duration.ofSeconds(15);

    private final LastingContainer container;
    private final Optional<Duration> lifetime;
    private Optional<Fd> tie = Optional.empty();

    /**
     * Where a container is that outlives its maker, and where it is written down.
     *
     * @param name its own; see {@link Containers.Part}
     * @param sandbox of which it is a part
     * @param doors of its first process
     * @param ledger gets to know what is taken of this machine
     * @param output keeps what its program writes: of a VMM the guest's console, and what it says itself
     */
    public record Place(String name, String sandbox, Containers.Doors doors, Ledger ledger, ExecutionRecord output) {}

    /** @param lifetime of its guest */
    public LastingHome(Containers containers, Place place, Optional<Duration> lifetime) {
        container = new LastingContainer(containers, place);
        this.lifetime = lifetime;
    }

    /** To be called before it is started, if it is to end with another one. */
    void endWith(LastingFiles files) {
        tie = files.tie();
    }

    /** @param further become the descriptors from {@link Home#FURTHER} on; closed here */
    void start(Home.CommandLine command, Home.Needs needs, List<Fd> further) throws IOException {
        try {
            Map<Path, Path> seen = new HashMap<>();
            container.create(ContainerHome.spec(needs, seen).detached().build(), ContainerHome.devices(needs), tie);
            container.run(ExecSpec.of(ContainerHome.line(command, seen).toArray(String[]::new)), further);
        } finally {
            further.forEach(Fd::close); // the VMM has its own
            tie.ifPresent(Fd::close);
        }
    }

    /** Has the first process keep a disk open, see {@link HeldDisk}. */
    void hold(HostKernel host, Path disk) throws IOException {
        try (Fd opened = MachineKeeping.open(host, disk)) {
            HeldDisk.hold(host, opened, container.doors().socket());
        }
    }

    /**
     * Lets go of it, when its guest has been told how long it may live: that counts from now on.
     *
     * @return the process with which it lives and ends; whoever made it reaps it
     */
    public Child leave() throws SyscallException {
        return container.leave(lifetime.map(MARGIN::plus));
    }

    /** Ends what has been begun; the rest is in its ledger. */
    public void abandon() {
        container.abandon();
    }
}
