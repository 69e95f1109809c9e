package dev.cay.engine.names;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.dns.Resolver;
import dev.cay.engine.dns.ResolverLimits;
import dev.cay.engine.dns.ResolverStatistics;
import dev.cay.engine.dns.Upstreams;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.PacketLog;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Answers the questions of a process's sandboxes and tells of what they were denied. It listens on the gateways of their networks,
 * on a port of its own, and to a group of the packet log of its own, so that several processes can own sandboxes of one network.
 * Thread-safe.
 */
public final class NameService implements AutoCloseable {
    /** The group of the packet log for detached sandboxes, whichever process listens to it at the moment. */
    public static final int DETACHED_GROUP = 0xca19;

    private static final Path HOST_SERVERS = Path.of("/etc/resolv.conf");
    private static final int FIRST_GROUP = 0x8000;
    private static final int GROUPS = 0x4000;
    static final String SERVERS = "dev.cay.dns.servers";
    private static final int ATTEMPTS = 64;

    /** Below those that the kernel gives to connections: nobody gets ours by chance while we are away. */
    private static final int FIRST_PORT = 10_000;

    private static final int LAST_PORT = 31_999;

    private final NameFilter filter;
    private final LeaseZone zone;
    private final Resolver resolver;
    private final Optional<DenialReader> reader;
    private final Map<NetworkDefinition, Integer> ports = new HashMap<>();
    private boolean closed;

    /** @param alone whether all that is denied was denied to the one sandbox that is served */
    private NameService(NetworkStore store, NameFilter filter, Denials denials, Optional<PacketLog> log, boolean alone)
            throws IOException {
        this.filter = requireNonNull(filter, "filter is null");
        zone = new LeaseZone(store, filter, denials, this::forget);
        resolver = Resolver.start(zone, servers(), ResolverLimits.STANDARD);
        reader = log.map(open -> DenialReader.start(open, zone, alone, denials));
    }

    /** Those of this machine, unless a system property names others: {@code ADDRESS:PORT,...}. */
    private static Upstreams servers() {
        String named = System.getProperty(SERVERS, "");
        if (named.isEmpty()) {
            return Upstreams.of(HOST_SERVERS);
        }
        List<InetSocketAddress> servers = new ArrayList<>();
        for (String one : named.split(",")) {
            int colon = one.lastIndexOf(':');
            servers.add(new InetSocketAddress(
                    InetAddress.ofLiteral(one.substring(0, colon)), Integer.parseInt(one.substring(colon + 1))));
        }
        return Upstreams.of(servers);
    }

    /**
     * The group of the packet log to which the rules of sandboxes have to send what they deny.
     *
     * @param owner the engine that the sandbox ends with; empty if it is detached
     */
    public static int group(String owner) {
        return owner.isEmpty() ? DETACHED_GROUP : FIRST_GROUP + Math.floorMod(owner.hashCode(), GROUPS);
    }

    /**
     * Begins to serve the sandboxes of an owner; there is one for an owner at a time.
     *
     * @param owner the engine of this process; empty for detached sandboxes
     */
    public static NameService start(Kernel kernel, NetworkStore store, NameFilter filter, String owner)
            throws IOException {
        Optional<PacketLog> log = listen(kernel, group(owner));
        try {
            return new NameService(store, filter, new Denials(DenialLog.open()), log, false);
        } catch (IOException | RuntimeException e) {
            log.ifPresent(PacketLog::close);
            throw e;
        }
    }

    /**
     * Begins to serve the one sandbox that lives in a network namespace of its own, and has its rules there. Its questions come to where
     * this process lives, all from the address of its lease.
     *
     * @param denied where it is written what was denied
     */
    public static NameService startIn(
            Kernel kernel, Fd namespace, NetworkStore store, NameFilter filter, DenialLog denied, String owner)
            throws IOException {
        PacketLog log = PacketLog.openIn(kernel, namespace, group(owner));
        try {
            return new NameService(store, filter, new Denials(denied), Optional.of(log), true);
        } catch (IOException | RuntimeException e) {
            log.close();
            throw e;
        }
    }

    /** Nothing if somebody else listens there, another engine by chance: then nobody is told of what is denied, that is all. */
    private static Optional<PacketLog> listen(Kernel kernel, int group) throws IOException {
        try {
            return Optional.of(PacketLog.open(kernel, group));
        } catch (NetlinkException e) {
            if (e.is(Errno.EPERM)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /**
     * Guards a network, and tells where questions for names are answered on a network's gateways, which must be there.
     *
     * @throws IOException if it cannot listen there
     */
    public synchronized int port(NetworkDefinition network) throws IOException {
        if (closed) {
            throw new IOException("the names of this process are not served any more");
        }
        Integer known = ports.get(network);
        if (known != null) {
            return known;
        }
        // One network is kept that nobody asks from: the next sandbox is likely to be on the same.
        for (NetworkDefinition other : List.copyOf(ports.keySet())) {
            if (!zone.serves(other)) {
                ports.remove(other);
                resolver.leave(other.gateway());
                resolver.leave(other.gateway6());
            }
        }
        filter.guard(network);
        int port = listen(network);
        ports.put(network, port);
        return port;
    }

    /**
     * Serves a sandbox, or takes note of what has changed of its lease. Its gateway addresses must be there.
     *
     * @throws IOException if it cannot; then its questions get no answer
     */
    public synchronized void serve(NetworkDefinition network, Lease lease) throws IOException {
        int port = port(network);
        boolean known = zone.put(network, lease);
        resolver.forget(lease.address());
        resolver.forget(lease.address6());
        if (!known && !lease.resolver().equals(OptionalInt.of(port))) {
            filter.answer(lease, port);
        }
    }

    /** By the same port on both addresses. */
    private int listen(NetworkDefinition network) throws IOException {
        IOException failure = new IOException("no port is free on the gateways of " + network.name());
        for (int i = 0; i < ATTEMPTS; i++) {
            int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, LAST_PORT + 1);
            try {
                resolver.listen(network.gateway(), port);
                listen6(network.gateway6(), port);
                return port;
            } catch (IOException e) {
                resolver.leave(network.gateway());
                failure = e;
            }
        }
        throw failure;
    }

    /** Nothing on a machine without IPv6, where there is no such address. */
    private void listen6(InetAddress address, int port) throws IOException {
        try {
            resolver.listen(address, port);
        } catch (IOException e) {
            if (NetworkInterface.getByInetAddress(address) != null) {
                throw e;
            }
        }
    }

    private void forget(InetAddress client) {
        resolver.forget(client);
    }

    /** Serves a sandbox no longer. */
    public synchronized void leave(Lease lease) {
        zone.remove(lease);
        resolver.forget(lease.address());
        resolver.forget(lease.address6());
    }

    /** Whose questions are answered. */
    public Collection<Lease> served() {
        return zone.leases();
    }

    public ResolverStatistics statistics() {
        return resolver.statistics();
    }

    /** How many packets that were denied could not be told of one by one. */
    public long lost() {
        return reader.map(DenialReader::lost).orElse(0L);
    }

    static InetAddress gateway(NetworkDefinition network, InetAddress client) {
        return client instanceof Inet4Address ? network.gateway() : network.gateway6();
    }

    /** Names are no longer answered, and nothing is told of. Nothing opens by that. */
    @Override
    public synchronized void close() {
        closed = true;
        resolver.close();
        reader.ifPresent(DenialReader::close);
    }
}
