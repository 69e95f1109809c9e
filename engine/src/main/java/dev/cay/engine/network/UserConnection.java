package dev.cay.engine.network;

import dev.cay.Cidr;
import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.names.NameService;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.netlink.Connections;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What one sandbox of an ordinary user has of a network: its policy, in its own network namespace; somebody who answers its questions for
 * names; a {@link Pasta}. Its lease is written down in a directory of its own, for other processes of the user. Thread-safe.
 */
final class UserConnection implements NetworkSource.Connection {
    static final InetAddress SELF = InetAddress.ofLiteral("127.0.0.1");
    private static final InetAddress SELF6 = InetAddress.ofLiteral("::1");

    /** The sandbox asks for names on its own loopback, and pasta asks on this machine's: see {@link Pasta}. */
    static final NetworkDefinition NETWORK =
            new NetworkDefinition(Network.BRIDGE, Cidr.parse("127.0.0.0/8"), Cidr.parse("fd00::/64"), "lo", false);

    private final Place place;
    private final LocalKernel kernel;
    private final Fd namespace;
    private final Starter starter;
    private final Runnable gone;
    private Optional<Active> active = Optional.empty();

    /**
     * @param sandbox its id
     * @param owner the engine that it ends with
     * @param directory its own, for its lease
     * @param denials where it is written what its policy denies
     */
    record Place(String sandbox, String owner, Path directory, Path denials) {}

    /** Starts its pasta in the thread with which all of them end. */
    interface Starter {
        Pasta start(LocalKernel kernel, Fd namespace, int resolver, List<PublishedPort> ports) throws IOException;
    }

    private record Active(NetworkStore store, Nftables inside, NameService names) {}

    private Optional<Pasta> pasta = Optional.empty();

    /** @param gone what to do when it is closed */
    UserConnection(Place place, LocalKernel kernel, Fd namespace, Starter starter, Runnable gone) {
        this.place = place;
        this.kernel = kernel;
        this.namespace = namespace;
        this.starter = starter;
        this.gone = gone;
    }

    @Override
    public InetAddress address() {
        return SELF;
    }

    @Override
    public InetAddress address6() {
        return SELF6;
    }

    @Override
    public List<InetAddress> gateways() {
        return List.of(SELF);
    }

    @Override
    public MacAddress station() {
        throw new UnsupportedOperationException("it is no tap");
    }

    @Override
    public void configure(Kernel guest) {
        throw new UnsupportedOperationException("it is no tap");
    }

    @Override
    public synchronized void open(Network.Named network, List<String> names) throws IOException {
        for (PublishedPort port : network.ports()) {
            PortOwners.check(port);
        }
        NetworkStore store = store(place.directory());
        Nftables inside = Nftables.openIn(kernel, namespace);
        NameService service;
        try {
            service = NameService.startIn(
                    kernel, namespace, store, new InnerNames(inside), DenialLog.open(place.denials()), place.owner());
        } catch (IOException | RuntimeException e) {
            inside.close();
            throw e;
        }
        active = Optional.of(new Active(store, inside, service));
        int resolver = service.port(NETWORK);
        Lease lease = new Lease(
                place.sandbox(),
                place.owner(),
                network.name(),
                SELF,
                SELF6,
                Links.INSIDE,
                names,
                Optional.of(network.egress()),
                network.ports(),
                OptionalInt.of(resolver));
        store.locked(() -> {
            inside.commit(InnerRules.of(lease, ownAddresses()));
            store.put(lease);
            return lease;
        });
        service.serve(NETWORK, lease);
        pasta = Optional.of(starter.start(kernel, namespace, resolver, network.ports()));
    }

    /** Below a directory of its own. */
    static NetworkStore store(Path directory) throws IOException {
        return NetworkStore.open(directory.resolve("definitions"), directory);
    }

    private Set<InetAddress> ownAddresses() throws IOException {
        try (Rtnetlink host = Rtnetlink.open(kernel.host())) {
            return host.addresses().stream().map(InterfaceAddress::address).collect(Collectors.toSet());
        }
    }

    /** Another policy in the place of the one that it has, in one transaction. Connections that it has are judged again. */
    synchronized void egress(EgressPolicy policy) throws IOException {
        Active now = active.orElseThrow(() -> new IOException("the sandbox is being made, or is gone"));
        Lease changed = now.store().locked(() -> {
            Lease lease = now.store().lease(SELF).orElseThrow().withEgress(policy);
            now.inside().commit(InnerRules.exchange(lease, ownAddresses()));
            now.store().put(lease);
            return lease;
        });
        now.names().serve(NETWORK, changed);
        try (Rtnetlink links = Rtnetlink.openIn(kernel, namespace);
                Connections connections = Connections.openIn(kernel, namespace)) {
            connections.forget(links.addresses().stream()
                    .map(InterfaceAddress::address)
                    .filter(address -> !address.isLoopbackAddress())
                    .toList());
        }
    }

    @Override
    public synchronized void close() throws IOException {
        pasta.ifPresent(Pasta::close);
        pasta = Optional.empty();
        if (active.isPresent()) {
            active.get().names().close();
            active.get().inside().close();
            active = Optional.empty();
        }
        Directories.delete(place.directory());
        gone.run();
        namespace.close();
    }
}
