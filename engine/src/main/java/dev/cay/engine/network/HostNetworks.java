package dev.cay.engine.network;

import static java.util.Objects.requireNonNull;

import dev.cay.Cidr;
import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.engine.container.NetworkSource.Port;
import dev.cay.engine.names.NameFilter;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Kernel;
import dev.cay.linux.netlink.Connections;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * The networks of this machine as the kernel has them. What sandboxes have of them is written down in a {@link NetworkStore} before it
 * is made, so that anybody can take it away again. Thread-safe, also between processes.
 *
 * <p>With the first sandbox the bridge comes up and the packet filter gets our table; with the last one, and the last engine that
 * makes more of them, all of it goes, and the settings of the machine are what they were.
 */
public final class HostNetworks implements AutoCloseable {
    /** How many addresses of the kernel's main routing table are looked at: the table of local addresses tells nothing new. */
    private static final int MAIN_TABLE = 254;

    private final NetworkStore store;
    private final String engine;
    private final Liveness liveness;
    private final Rtnetlink rtnetlink;
    private final Nftables nftables;
    private final Connections connections;
    private final Links links;
    private final Quarantine quarantine;
    private final Filter filter;
    private final Wall wall;
    private final SharedParts shared;
    private final SandboxRules rules;
    private final AtomicBoolean holding = new AtomicBoolean();

    /** Who lives. */
    public interface Liveness {
        boolean engine(String id) throws IOException;

        /** Whether there is a detached sandbox of an id. */
        boolean sandbox(String id) throws IOException;
    }

    private HostNetworks(HostKernel kernel, NetworkStore store, String engine, Liveness liveness, Sockets sockets) {
        this.store = store;
        this.engine = engine;
        this.liveness = liveness;
        rtnetlink = sockets.rtnetlink();
        nftables = sockets.nftables();
        connections = sockets.connections();
        links = new Links(kernel, rtnetlink);
        quarantine = new Quarantine(store, links, connections);
        filter = new Filter(nftables);
        wall = new Wall(nftables);
        shared = new SharedParts(store, nftables, links, filter, quarantine);
        rules = new SandboxRules(store, filter, quarantine, shared);
    }

    private record Sockets(Rtnetlink rtnetlink, Nftables nftables, Connections connections) {
        static Sockets open(HostKernel kernel) throws IOException {
            Rtnetlink rtnetlink = Rtnetlink.open(kernel);
            try {
                Nftables nftables = Nftables.open(kernel);
                try {
                    return new Sockets(rtnetlink, nftables, Connections.open(kernel));
                } catch (IOException e) {
                    nftables.close();
                    throw e;
                }
            } catch (IOException e) {
                rtnetlink.close();
                throw e;
            }
        }
    }

    /**
     * Of the network namespace that this process lives in.
     *
     * @param engine the engine that sandboxes belong to which are not detached
     */
    public static HostNetworks open(HostKernel kernel, NetworkStore store, String engine, Liveness liveness)
            throws IOException {
        requireNonNull(liveness, "liveness is null");
        return new HostNetworks(kernel, store, engine, liveness, Sockets.open(kernel));
    }

    public NetworkStore store() {
        return store;
    }

    /** What the packet filter does for names; ends with this, and is not to be closed. */
    public NameFilter names() {
        return new NameRules(store, nftables, wall);
    }

    /**
     * Makes a network.
     *
     * @param subnet its IPv4 addresses; a free block if empty
     */
    public NetworkDefinition create(String name, Optional<Cidr> subnet) throws IOException {
        return store.locked(() -> {
            List<Cidr> occupied = new ArrayList<>();
            for (Route route : rtnetlink.routes()) {
                InetAddress address = route.destination().address();
                if (route.table() == MAIN_TABLE
                        && address.getAddress().length == 4
                        && route.destination().length() > 0) {
                    occupied.add(new Cidr(address, route.destination().length()));
                }
            }
            Set<String> names = links.all().stream().map(Link::name).collect(Collectors.toSet());
            return store.create(name, subnet, occupied, names);
        });
    }

    /** Removes a network that no sandbox uses. */
    public void remove(String name) throws IOException {
        store.locked(() -> {
            NetworkDefinition network = store.unused(name);
            shared.remove(network); // the kernel's part first: who dies here has removed nothing yet
            store.remove(name);
            return name;
        });
    }

    private NetworkDefinition definition(String name) throws IOException {
        Optional<NetworkDefinition> network = store.network(name);
        if (network.isPresent()) {
            return network.get();
        }
        if (name.equals(Network.BRIDGE)) {
            return create(name, Optional.empty());
        }
        throw NetworkStore.notFound(name);
    }

    /**
     * Connects a sandbox with a network: it has addresses and a cable, and nothing passes.
     *
     * @param detached whether it outlives this engine
     */
    public Lease connect(String sandbox, boolean detached, Network.Named wanted, Port port) throws IOException {
        record Place(NetworkDefinition network, int bridge, Lease lease) {}
        Place place = store.locked(() -> {
            if (!holding.get()) {
                store.hold(engine);
                holding.set(true);
            }
            NetworkDefinition network = definition(wanted.name());
            int bridge = shared.prepare(network);
            quarantine.free();
            InetAddress address = store.address(network, wanted.address(), quarantine);
            Lease lease = new Lease(
                    sandbox,
                    detached ? "" : engine,
                    network.name(),
                    address,
                    network.address6(address),
                    "cay" + sandbox,
                    List.of(),
                    Optional.empty(),
                    List.of(),
                    OptionalInt.empty());
            store.put(lease);
            return new Place(network, bridge, lease);
        });
        try {
            links.connect(place.network(), place.bridge(), place.lease(), port);
            return place.lease();
        } catch (IOException | RuntimeException e) {
            try {
                disconnect(sandbox);
            } catch (IOException | RuntimeException other) {
                e.addSuppressed(other);
            }
            throw e;
        }
    }

    /** The Ethernet address of a sandbox's end. */
    public static MacAddress station(Lease lease) {
        return Links.station(lease.address());
    }

    /** Tells another kernel, which has the other end of a tap, what a sandbox is to know of its network. */
    public void configure(Lease lease, NetworkDefinition network, Kernel guest) throws IOException {
        links.configure(network, lease, guest);
    }

    /** Tells it once more: of what somebody in the sandbox has made of it nothing is left. */
    public void restore(Lease lease, NetworkDefinition network, Kernel guest) throws IOException {
        links.restore(network, lease, guest);
    }

    /** The same in the network namespace at the other end of a cable. */
    public void restoreIn(Lease lease, NetworkDefinition network, Fd namespace) throws IOException {
        links.restoreIn(network, lease, namespace);
    }

    /**
     * Lets a sandbox's packets pass as far as its policy allows; all of it at once, or nothing.
     *
     * @param resolver the port of the gateways where its questions for names are answered, if that is known already
     */
    public Lease open(Lease lease, Network.Named wanted, List<String> names, OptionalInt resolver) throws IOException {
        return rules.open(lease, wanted, names, resolver);
    }

    /** Gives another policy to a sandbox. Connections that it has are looked at again. */
    public void egress(String sandbox, EgressPolicy policy) throws IOException {
        rules.egress(sandbox, policy);
    }

    /** Leads a port of this machine to a sandbox. */
    public void publish(String sandbox, PublishedPort port) throws IOException {
        rules.publish(sandbox, port);
    }

    /** Leads it there no more; connections that came by it end. */
    public void unpublish(String sandbox, PublishedPort port) throws IOException {
        rules.unpublish(sandbox, port);
    }

    /** What a sandbox has. */
    public Lease require(String sandbox) throws IOException {
        return rules.require(sandbox);
    }

    /** The addresses of this machine. */
    public Set<InetAddress> ownAddresses() throws IOException {
        return rtnetlink.addresses().stream().map(InterfaceAddress::address).collect(Collectors.toSet());
    }

    /** Takes a sandbox off its network; without effect if it is on none. */
    public void disconnect(String sandbox) throws IOException {
        store.locked(() -> {
            Optional<Lease> lease = store.lease(sandbox);
            if (lease.isPresent()) {
                disconnect(lease.get());
            }
            return sandbox;
        });
        if (!holding.get()) {
            takeDown();
        }
    }

    /** The same for one whose address is known, which is faster. */
    public void disconnect(Lease lease) throws IOException {
        store.locked(() -> {
            Optional<Lease> now = store.lease(lease.address());
            if (now.isPresent() && now.get().sandbox().equals(lease.sandbox())) {
                Optional<NetworkDefinition> network = store.network(lease.network());
                if (network.isPresent()) {
                    filter.close(now.get(), network.get());
                }
                store.release(now.get());
            }
            return lease;
        });
    }

    /** Takes away what belongs to nobody who lives, and nothing else. */
    public void sweep() throws IOException {
        store.locked(() -> {
            shared.settle();
            for (Lease lease : store.leases()) {
                boolean lives =
                        lease.owner().isEmpty() ? liveness.sandbox(lease.sandbox()) : liveness.engine(lease.owner());
                if (!lives) {
                    links.remove(lease.link());
                    disconnect(lease);
                }
            }
            if (filter.exists()) {
                filter.scrub(store.leases());
            }
            return "";
        });
        takeDown();
    }

    /** Restores what somebody else has taken away of the packet filter, the bridges and the settings. */
    public List<String> repair() throws IOException {
        return store.locked(shared::repair);
    }

    /** Takes all down if nobody needs it. */
    private void takeDown() throws IOException {
        store.locked(() -> {
            for (String holder : store.holders()) {
                if (!liveness.engine(holder)) {
                    store.letGo(holder);
                }
            }
            if (!store.leases().isEmpty() || !store.holders().isEmpty()) {
                return "";
            }
            shared.takeDown();
            return "";
        });
    }

    static boolean missing(NetlinkException e) {
        return e.is(Errno.ENOENT);
    }

    @Override
    public void close() {
        try {
            if (holding.get()) {
                store.letGo(engine);
                takeDown();
            }
            wall.close();
        } catch (IOException e) {
            throw new SandboxException.HostFailed(
                    "a network could not be taken down: " + e.getMessage(), "run 'cay sweep'", e);
        } finally {
            connections.close();
            nftables.close();
            rtnetlink.close();
        }
    }
}
