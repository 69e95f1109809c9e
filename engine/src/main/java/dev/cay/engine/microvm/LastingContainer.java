package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.HostDevice;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A container that outlives whoever made it, for one program, with which it ends. Used once. */
final class LastingContainer {
    /** The only command that ever runs there. */
    private static final int PROGRAM = 1;

    private final Containers containers;
    private final LastingHome.Place place;
    private Optional<Container> begun = Optional.empty();

    LastingContainer(Containers containers, LastingHome.Place place) {
        this.containers = containers;
        this.place = place;
    }

    Containers.Doors doors() {
        return place.doors();
    }

    /**
     * Makes it.
     *
     * @param devices of this machine that it has
     * @param tie see {@link Containers.Part}
     */
    void create(SandboxSpec spec, Set<HostDevice> devices, Optional<Fd> tie) {
        Containers.Part part =
                new Containers.Part(place.name(), place.sandbox(), place.doors(), place.ledger(), devices, tie);
        begun = Optional.of(containers.createDetached(spec, part));
    }

    /**
     * Starts the program.
     *
     * @param further become its descriptors from {@link Home#FURTHER} on
     */
    void run(ExecSpec line, List<Fd> further) throws IOException {
        Container container = begun.orElseThrow();
        ExecutionRecord output = place.output();
        try {
            try (KeptExecution program = container.startKept(PROGRAM, line, output.file(), output.ring(), further)) {
                program.detach(); // else it would wait for somebody to read what it writes
            }
            container.endAfter(Optional.empty(), Optional.empty(), PROGRAM);
        } catch (IOException | SandboxException e) {
            container.kill();
            throw e;
        }
    }

    /**
     * Lets go of it.
     *
     * @param limit how much longer it may live
     * @return the process with which it lives and ends; whoever made it reaps it
     */
    Child leave(Optional<Duration> limit) throws SyscallException {
        Container container = begun.orElseThrow();
        container.endAfter(limit, Optional.empty(), PROGRAM);
        container.letGo();
        return container.first();
    }

    /** Ends what has been begun; the rest is in its ledger. */
    void abandon() {
        if (begun.isPresent()) {
            begun.get().letGo();
            try (Child process = begun.get().first()) {
                process.signal(Processes.SIGKILL);
                process.await();
            } catch (SyscallException e) {
                // it has ended
            }
        }
    }
}
