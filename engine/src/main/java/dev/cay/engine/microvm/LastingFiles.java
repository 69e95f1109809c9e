package dev.cay.engine.microvm;

import dev.cay.Limits;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestUser;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.ListeningPair;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.Poller;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who gives files to a machine that outlives whoever started it, in a container that does so too: a {@link FileServer}, or {@link FileRelayMain}
 * where there is none. Its first process and that of the VMM's container have one end each of a pair of sockets: so the machine ends
 * with it, whose guest would wait for ever for an answer, and it with the machine, and nobody has to be there. What it takes is in the journal of
 * the microVM. Used once.
 */
public final class LastingFiles {
    private final LastingContainer container;
    private final boolean relayed = FileRelay.isWanted();
    private Optional<Fd> connection = Optional.empty();
    private Optional<Fd> channel = Optional.empty();
    private Optional<Fd> word = Optional.empty();
    private Optional<Fd> tie = Optional.empty();
    private boolean left;

    public LastingFiles(Containers containers, LastingHome.Place place) {
        container = new LastingContainer(containers, place);
    }

    /** Who it is. */
    MachineInfo.Files giver() {
        return relayed ? MachineInfo.Files.RELAY : MachineInfo.Files.VIRTIOFSD;
    }

    /** Whether it works in the memory of its machine. */
    boolean usesMemory() {
        return !relayed;
    }

    /**
     * Starts it. Until it has a machine it ends with this process.
     *
     * @param shared at least one, found harmless
     * @param owner who the owner of each is in the guest
     * @param ofSandbox the limits of the machine's sandbox
     * @param guestMemory of the machine
     */
    void start(HostKernel host, List<Mount.Bind> shared, GuestUser owner, Limits ofSandbox, Size guestMemory)
            throws IOException {
        List<Fd> ends = UnixSocket.pair();
        tie = Optional.of(ends.getLast());
        try (Fd own = ends.getFirst()) {
            Limits limits = FileServer.limits(ofSandbox, usesMemory() ? guestMemory : Size.bytes(0));
            SandboxSpec.Builder spec =
                    FileServer.container(shared, owner, limits).detached();
            if (relayed) {
                relay(host, spec, owner, own);
            } else {
                serve(host, spec, owner, own);
            }
        }
    }

    private void serve(HostKernel host, SandboxSpec.Builder spec, GuestUser owner, Fd own) throws IOException {
        ListeningPair sockets = ListeningPair.create(host);
        connection = Optional.of(sockets.connection());
        try (Fd listener = sockets.listener()) {
            container.create(spec.build(), Set.of(), Optional.of(own));
            container.run(FileServer.program(owner), List.of(listener));
        }
    }

    private void relay(HostKernel host, SandboxSpec.Builder spec, GuestUser owner, Fd own) throws IOException {
        RelayProgram program = RelayProgram.of(owner);
        program.mounts().forEach(spec::mount);
        List<Fd> line = UnixSocket.pair();
        channel = Optional.of(line.getLast());
        try (Fd theirs = line.getFirst();
                Fd told = said()) {
            container.create(spec.build(), Set.of(), Optional.of(own));
            try (Fd inside = UnixSocket.connect(host, container.doors().socket().toString())) {
                container.run(program.line(), List.of(inside, theirs, told));
            }
        }
    }

    /** The end of a pipe at which it says that it is there. */
    private Fd said() throws SyscallException {
        Pipe pipe = Pipe.reading();
        word = Optional.of(pipe.ours());
        return pipe.theirs();
    }

    /** Of a {@link FileServer}, for the VMM, whose it is from its start on. */
    Optional<Fd> connection() {
        return connection;
    }

    /** The VMM's end of the channel by which files are relayed; the VMM's from its start on. */
    Optional<Fd> channel() {
        return channel;
    }

    /** With what the VMM's container is to end, which closes it here. */
    Optional<Fd> tie() {
        return tie;
    }

    /**
     * Has its machine's guest mount what is relayed, if it is.
     *
     * @param deadline a value of {@link System#nanoTime}
     */
    Optional<BringUp.Relay> relay(HostKernel host, MachineDoors doors, long deadline) {
        return relayed ? Optional.of(first -> mount(host, doors, first, deadline)) : Optional.empty();
    }

    private void mount(HostKernel host, MachineDoors doors, Stub first, long deadline) throws IOException {
        try (Monitor monitor = Monitor.take(host, doors)) {
            QemuWires.plugRelay(monitor);
        }
        GuestChannels.openRelay(first, deadline);
        Fd told = word.orElseThrow();
        ByteBuffer one = ByteBuffer.allocateDirect(1);
        int count = Pipe.WOULD_BLOCK;
        while (count == Pipe.WOULD_BLOCK) {
            if (Poll.await(Math.max(1, deadline - System.nanoTime()), Poll.Interest.reading(told)) == 0) {
                throw new IOException("who relays its files does not answer");
            }
            count = Pipe.read(told, one);
        }
        if (count == Pipe.END) {
            throw new IOException("who relays its files has ended");
        }
        told.close();
    }

    /** Lets go of it: from now on it ends with the machine alone. Its process is reaped when it ends. */
    public void leave() throws SyscallException {
        Child first = container.leave(Optional.empty());
        left = true;
        Poller.shared().watch(first.end(), () -> {
            first.await();
            first.close();
        });
    }

    /** Ends what has been begun; the rest is in its ledger. */
    public void abandon() {
        connection.ifPresent(Fd::close);
        channel.ifPresent(Fd::close);
        word.ifPresent(Fd::close);
        tie.ifPresent(Fd::close);
        if (!left) {
            container.abandon();
        }
    }
}
