package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.SandboxException;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.Ledger;
import dev.cay.linux.Arg;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
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
    /** The VMM is the only command that ever runs there. */
    private static final int VMM = 1;

    /** The first process has the disk of its changes open under this number, if it has one. */
    private static final int DISK = 1000;

    /** How much longer than its guest, which ends by itself, it may live at the most. */
    private static final Duration MARGIN = Duration.ofSeconds(15);

    private final Containers containers;
    private final String id;
    private final Containers.Doors doors;
    private final Ledger ledger;
    private final Console console;
    private final Optional<Duration> lifetime;
    private Optional<Container> begun = Optional.empty();

    /**
     * Where what the VMM writes is kept: the guest's console, and what it says itself.
     *
     * @param file a record as the first process of a container writes it
     * @param ring how much of each is kept
     */
    public record Console(Path file, int ring) {}

    /**
     * @param id of the sandbox
     * @param lifetime of its guest
     */
    public LastingHome(
            Containers containers,
            String id,
            Containers.Doors doors,
            Ledger ledger,
            Console console,
            Optional<Duration> lifetime) {
        this.containers = containers;
        this.id = id;
        this.doors = doors;
        this.ledger = ledger;
        this.console = console;
        this.lifetime = lifetime;
    }

    /** @param further become the descriptors from {@link Home#FURTHER} on; closed here */
    void start(Home.CommandLine command, Home.Needs needs, List<Fd> further) throws IOException {
        try {
            Map<Path, Path> seen = new HashMap<>();
            Container container = containers.createDetached(
                    id,
                    ContainerHome.spec(needs, seen).detached().build(),
                    doors,
                    ledger,
                    ContainerHome.devices(needs));
            begun = Optional.of(container);
            try {
                ExecSpec line = ExecSpec.of(ContainerHome.line(command, seen).toArray(String[]::new));
                try (KeptExecution vmm = container.startKept(VMM, line, console.file(), console.ring(), further)) {
                    vmm.detach(); // else it would wait for somebody to read what it writes
                }
                container.endAfter(Optional.empty(), Optional.empty(), VMM);
            } catch (IOException | SandboxException e) {
                container.kill();
                throw e;
            }
        } finally {
            further.forEach(Fd::close); // the VMM has its own
        }
    }

    /**
     * Has the first process keep a disk open, for whoever keeps the machine: the file has no name when the machine is there.
     *
     * @param disk a file of this machine
     */
    void hold(HostKernel host, Path disk) throws IOException {
        try (Fd opened = MachineKeeping.open(host, disk);
                Stub stub = new Stub(UnixSocket.connect(host, doors.socket().toString()))) {
            stub.runInside(OpList.of(FileOps.copyTo(Arg.of(opened), DISK)));
        }
    }

    /**
     * The disk that it keeps open, for reading.
     *
     * @param socket where the first process listens
     */
    static Fd disk(HostKernel host, Path socket) throws SyscallException {
        try (Stub stub = new Stub(UnixSocket.connect(host, socket.toString()))) {
            Op copy = FileOps.copy(Arg.of(DISK), "the disk");
            return stub.runInside(OpList.of(copy)).fd(copy);
        }
    }

    /**
     * Lets go of it, when its guest has been told how long it may live: that counts from now on.
     *
     * @return the process with which it lives and ends; whoever made it reaps it
     */
    public Child leave() throws SyscallException {
        Container container = begun.orElseThrow();
        container.endAfter(lifetime.map(MARGIN::plus), Optional.empty(), VMM);
        container.letGo();
        return container.first();
    }

    /** Ends what has been begun; the rest is in its ledger. */
    public void abandon() {
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
