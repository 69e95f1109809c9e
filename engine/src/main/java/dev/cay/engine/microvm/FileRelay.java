package dev.cay.engine.microvm;

import dev.cay.Limits;
import dev.cay.Mount;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.fuse.FuseServer;
import dev.cay.linux.Poll;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Gives a machine directories and files of this one where there is no {@link FileServer}: what its kernel asks comes over the channel, is
 * answered by lists in a container in which there is nothing but what is shared, and goes back over the channel. The container is that of
 * {@link FileServer}, so the same is refused, and nothing is followed out of it. It ends with its machine. Thread-safe.
 */
final class FileRelay implements AutoCloseable {
    /** For tests, and to compare: set to {@code relay}, files are relayed where there is a virtiofsd too. */
    private static final String PROPERTY = "dev.cay.shares";

    private final Container container;
    private final FuseServer server;
    private final GuestUser user;
    private final CompletableFuture<Boolean> end = new CompletableFuture<>();
    private final CompletableFuture<Boolean> broken = new CompletableFuture<>();
    private volatile Optional<String> reason = Optional.empty();
    private Optional<GuestRelay> relay = Optional.empty();
    private boolean closed;

    private FileRelay(Container container, FuseServer server, GuestUser user) {
        this.container = container;
        this.server = server;
        this.user = user;
        Thread.ofVirtual().name("cay-files").start(() -> {
            Poll.await(Poll.FOREVER, container.first().end());
            broken.complete(true);
            end.complete(true);
        });
    }

    /** Whether it is used here. */
    static boolean isWanted() {
        return !FileServer.isThere() || "relay".equals(System.getProperty(PROPERTY));
    }

    /**
     * Refuses what cannot be served.
     *
     * @throws SandboxException.Unsupported says why
     */
    static void check(SandboxSpec spec) {
        if (spec.furnishing().init().isPresent()) {
            throw new SandboxException.Unsupported(
                    "a microVM with an init of its image sees files of this machine by the virtiofsd of QEMU 5 to 7 only, which is not"
                            + " here: it is its own first process that relays them",
                    "leave out --image-init, or install it (Debian 12: qemu-system-common)");
        }
    }

    /**
     * Opens what is shared.
     *
     * @param shared at least one; each is called after its place here, see {@link FileServer#name}
     * @param user who the owner of each is in the guest, see {@link Mount.Bind}
     * @param ofSandbox the limits of its machine's sandbox
     * @throws SandboxException.InvalidSpec if one of them may not be shared
     */
    static FileRelay start(Containers containers, List<Mount.Bind> shared, GuestUser user, Limits ofSandbox)
            throws IOException {
        Limits limits = FileServer.limits(ofSandbox, Size.bytes(0)); // it works in nobody's memory but its own
        Container container =
                containers.create(FileServer.container(shared, user, limits).build());
        try {
            return new FileRelay(container, GuestRelay.open(container.inside(), user), user);
        } catch (IOException | RuntimeException e) {
            container.kill();
            container.close();
            throw e;
        }
    }

    /** Who the owner of what it serves is in the guest. */
    GuestUser user() {
        return user;
    }

    /** What went wrong with its machine, and what it has seen of that. */
    IOException explained(IOException failure) {
        return reason.isEmpty() ? failure : new IOException(failure.getMessage() + "\n" + reason.get(), failure);
    }

    /** Ends with the machine, and the machine with it: its guest would wait for ever. */
    void serve(Machine machine) {
        CompletableFuture<Void> unused = broken.thenRun(machine::kill);
        machine.onEnd(() -> Thread.startVirtualThread(this::close));
    }

    /** Mounts it in the guest, and begins to answer. */
    synchronized void mount(Stub stub) throws SyscallException {
        relay = Optional.of(GuestRelay.mount(stub, server, this::fail));
    }

    private void fail(Exception why) {
        reason = Optional.of(String.valueOf(why.getMessage()));
        broken.complete(true);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        relay.ifPresent(GuestRelay::close);
        container.kill();
        end.join();
        server.close();
        container.close();
    }
}
