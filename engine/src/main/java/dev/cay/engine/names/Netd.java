package dev.cay.engine.names;

import dev.cay.SandboxException;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.engine.state.SandboxStore;
import dev.cay.linux.HostKernel;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Serves the names of detached sandboxes that have a network, for as long as there are any. There is one of a machine: it holds
 * {@code netd.lock}. Nothing is kept in it: one that takes over reads the leases and goes on. While there is none, names are not
 * answered, and nothing opens.
 *
 * <p>Whoever has changed something connects to {@code netd.socket} and gets a byte when the change is in force.
 */
public final class Netd {
    static final String LOCK = "netd.lock";
    static final String SOCKET = "netd.socket";

    /** Changes that nobody told of are seen after so many milliseconds at the latest. */
    private static final long LOOK_MILLIS = 1000;

    private final NetworkStore store;
    private final NameService service;
    private final Path socket;
    private final WallHolders holders;

    /** What is served, as it is written. */
    private final Map<String, Lease> served = new HashMap<>();

    private final Set<String> complained = new HashSet<>();
    private Optional<FileTime> seen = Optional.empty();

    private Netd(NetworkStore store, NameService service, Path socket, WallHolders holders) {
        this.store = store;
        this.service = service;
        this.socket = socket;
        this.holders = holders;
    }

    /** Makes what the packet filter does for names. */
    public interface Filters {
        NameFilter open(HostKernel kernel, NetworkStore store) throws IOException;
    }

    /**
     * Serves, in the thread that calls, until no detached sandbox has a network. Returns at once if another process does it.
     *
     * @param detach whether to leave the terminal and the session of who started this process
     */
    public static void run(Filters filters, boolean detach) throws IOException {
        NetworkStore store = NetworkStore.open();
        try (FileChannel channel = FileChannel.open(
                        NetworkStore.LEASES.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            if (lock == null) {
                return;
            }
            try (HostKernel kernel = new HostKernel()) {
                if (detach) {
                    leaveSession(kernel);
                }
                try (NameFilter filter = filters.open(kernel, store);
                        NameService service = NameService.start(kernel, store, filter, "")) {
                    Path sandboxes = NetworkStore.LEASES.resolveSibling(SandboxStore.NAME);
                    WallHolders holders = new WallHolders(kernel, filter, sandboxes);
                    new Netd(store, service, NetworkStore.LEASES.resolve(SOCKET), holders).serve();
                }
            }
        }
    }

    private static void leaveSession(HostKernel kernel) {
        try {
            kernel.run(OpList.of(Processes.setsid()));
        } catch (SyscallException e) {
            // it leads a group already: whoever started it has seen to it
        }
    }

    private void serve() throws IOException {
        look();
        Files.deleteIfExists(socket); // a dead one's
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                Selector selector = Selector.open()) {
            server.bind(UnixDomainSocketAddress.of(socket));
            server.configureBlocking(false);
            server.register(selector, SelectionKey.OP_ACCEPT);
            while (!ended()) {
                selector.select(LOOK_MILLIS);
                selector.selectedKeys().clear();
                Optional<SocketChannel> caller = Optional.ofNullable(server.accept());
                while (caller.isPresent()) {
                    seen = Optional.empty();
                    look();
                    done(caller.get());
                    caller = Optional.ofNullable(server.accept());
                }
                look();
            }
        }
    }

    /** Tells a caller, who may be gone. */
    private static void done(SocketChannel caller) throws IOException {
        try (caller) {
            caller.write(ByteBuffer.wrap(new byte[] {1}));
        } catch (IOException e) {
            // nobody waits
        }
    }

    /** Under the lock under which sandboxes get their leases: who gets one afterwards finds that there is no socket. */
    private boolean ended() throws IOException {
        if (!served.isEmpty()) {
            return false;
        }
        try {
            return store.locked(() -> {
                boolean none = store.leases().stream().noneMatch(Netd::isDetached);
                if (none) {
                    Files.deleteIfExists(socket);
                }
                return none;
            });
        } catch (SandboxException e) {
            complain("", "the leases cannot be read", e);
            return false;
        }
    }

    private static boolean isDetached(Lease lease) {
        return lease.owner().isEmpty();
    }

    /** Serves those that are written down now. What cannot be served is tried again. */
    private void look() throws IOException {
        FileTime changed = store.changed();
        if (seen.equals(Optional.of(changed))) {
            return;
        }
        boolean complete = true;
        Set<String> present = new HashSet<>();
        List<Lease> leases;
        try {
            leases = store.leases();
        } catch (SandboxException e) {
            complain("", "the leases cannot be read", e); // those that were read before are served on
            return;
        }
        for (Lease lease : leases) {
            // One without a policy is being made, and its maker tells us when it is.
            if (isDetached(lease) && lease.egress().isPresent()) {
                present.add(lease.sandbox());
                complete &= lease.equals(served.get(lease.sandbox())) || serve(lease);
                complete &= hold(lease.sandbox());
            }
        }
        for (Lease gone : Set.copyOf(served.values())) {
            if (!present.contains(gone.sandbox())) {
                served.remove(gone.sandbox());
                complained.remove(gone.sandbox());
                holders.remove(gone.sandbox());
                service.leave(gone);
            }
        }
        boolean settled = System.currentTimeMillis() - changed.toMillis() > LOOK_MILLIS / 2;
        seen = complete && settled ? Optional.of(changed) : Optional.empty();
    }

    private boolean serve(Lease lease) throws IOException {
        Optional<NetworkDefinition> network = store.network(lease.network());
        if (network.isEmpty()) {
            return false;
        }
        try {
            service.serve(network.get(), lease);
            served.put(lease.sandbox(), lease);
            complained.remove(lease.sandbox());
            return true;
        } catch (IOException | SandboxException e) {
            complain(lease.sandbox(), "the names of " + lease.sandbox() + " are not served yet", e);
            return false;
        }
    }

    private boolean hold(String sandbox) {
        try {
            return holders.add(sandbox);
        } catch (IOException e) {
            complain(sandbox, "the wall of " + sandbox + " ends with this process", e);
            return false;
        }
    }

    /** Once about each: it is tried every second. */
    private void complain(String about, String what, Exception failure) {
        if (complained.add(about)) {
            System.getLogger(Netd.class.getName()).log(System.Logger.Level.WARNING, what, failure);
        }
    }

    /** Lets it look at the leases, and waits until it has; false if there is none. */
    static boolean call(Path socket) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return channel.read(ByteBuffer.allocate(1)) == 1; // no byte: it was killed
        } catch (IOException e) {
            return false;
        }
    }
}
