package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.Size;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestUser;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.ListeningPair;
import dev.cay.linux.Poller;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A {@link FileServer} for a machine that outlives whoever started it, in a container that does so too. Its first process and that of the VMM's
 * container have one end each of a pair of sockets: so the machine ends with it, whose guest would wait for ever for an answer, and it with
 * the machine, and nobody has to be there. What it takes is in the journal of the microVM. Used once.
 */
public final class LastingFiles {
    private final LastingContainer container;
    private Optional<Fd> connection = Optional.empty();
    private Optional<Fd> tie = Optional.empty();
    private boolean left;

    public LastingFiles(Containers containers, LastingHome.Place place) {
        container = new LastingContainer(containers, place);
    }

    /**
     * Starts it. Until it has a machine it ends with this process.
     *
     * @param shared at least one, found harmless
     * @param owner who the owner of each is in the guest
     * @param guestMemory of the machine
     */
    void start(Kernel host, List<Mount.Bind> shared, GuestUser owner, Size guestMemory) throws IOException {
        List<Fd> ends = UnixSocket.pair();
        tie = Optional.of(ends.getLast());
        try (Fd own = ends.getFirst()) {
            ListeningPair sockets = ListeningPair.create(host);
            connection = Optional.of(sockets.connection());
            try (Fd listener = sockets.listener()) {
                container.start(
                        FileServer.container(shared, owner)
                                .memory(FileServer.memory(guestMemory))
                                .detached()
                                .build(),
                        Set.of(),
                        FileServer.program(owner),
                        List.of(listener),
                        Optional.of(own));
            }
        }
    }

    /** For the VMM, whose it is from its start on. */
    Optional<Fd> connection() {
        return connection;
    }

    /** With what the VMM's container is to end, which closes it here. */
    Optional<Fd> tie() {
        return tie;
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
        tie.ifPresent(Fd::close);
        if (!left) {
            container.abandon();
        }
    }
}
