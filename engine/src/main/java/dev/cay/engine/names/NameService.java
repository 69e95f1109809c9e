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
import dev.cay.linux.Kernel;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.PacketLog;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
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
    private static final int LAST_GROUP = 0xbfff;
    private static final int ATTEMPTS = 64;

    private final NetworkStore store;
    private final NameFilter filter;
    private final LeaseZone zone;
    private final Resolver resolver;
    private final DenialReader reader;
    private final int group;
    private final Map<String, Integer> ports = new HashMap<>();
    private boolean closed;

    private NameService(NetworkStore store, NameFilter filter, Denials denials, PacketLog log, int group)
            throws IOException {
        this.store = store;
        this.filter = requireNonNull(filter, "filter is null");
        this.group = group;
        zone = new LeaseZone(store, filter, denials);
        resolver = Resolver.start(zone, Upstreams.of(HOST_SERVERS), ResolverLimits.STANDARD);
        reader = DenialReader.start(log, zone, denials);
    }

    /** For sandboxes that end with this process. */
    public static NameService attached(Kernel kernel, NetworkStore store, NameFilter filter) throws IOException {
        for (int i = 0; ; i++) {
            int group = ThreadLocalRandom.current().nextInt(FIRST_GROUP, LAST_GROUP + 1);
            try {
                return start(kernel, store, filter, group);
            } catch (NetlinkException e) {
                // EPERM if somebody else listens to it already
                if (i == ATTEMPTS || !e.is(Errno.EPERM)) {
                    throw e;
                }
            }
        }
    }

    /** For detached sandboxes; one process of this machine at a time can be this. */
    public static NameService detached(Kernel kernel, NetworkStore store, NameFilter filter) throws IOException {
        return start(kernel, store, filter, DETACHED_GROUP);
    }

    private static NameService start(Kernel kernel, NetworkStore store, NameFilter filter, int group)
            throws IOException {
        PacketLog log = PacketLog.open(kernel, group);
        try {
            return new NameService(store, filter, new Denials(DenialLog.open()), log, group);
        } catch (IOException | RuntimeException e) {
            log.close();
            throw e;
        }
    }

    /** The group of the packet log to which rules that deny have to send what they deny. */
    public int group() {
        return group;
    }

    /**
     * Serves a sandbox, or takes note of what has changed of its lease. Its gateway addresses must be there.
     *
     * @throws IOException if it cannot; then its questions get no answer
     */
    public synchronized void serve(NetworkDefinition network, Lease lease) throws IOException {
        if (closed) {
            throw new IOException("the names of this process are not served any more");
        }
        Integer port = ports.get(network.name());
        if (port == null) {
            port = listen(network);
            ports.put(network.name(), port);
        }
        boolean known = zone.put(network, lease);
        resolver.forget(lease.address());
        resolver.forget(lease.address6());
        if (!known) {
            filter.answer(lease, port);
        }
    }

    /** By the same port on both addresses. */
    private int listen(NetworkDefinition network) throws IOException {
        IOException failure = new IOException("no port is free on the gateways of " + network.name());
        for (int i = 0; i < ATTEMPTS; i++) {
            int port = resolver.listen(network.gateway(), 0).getPort();
            try {
                resolver.listen(network.gateway6(), port);
                return port;
            } catch (IOException e) {
                resolver.leave(network.gateway());
                failure = e;
            }
        }
        throw failure;
    }

    /** Serves a sandbox no longer. */
    public synchronized void leave(Lease lease) {
        zone.remove(lease);
        resolver.forget(lease.address());
        resolver.forget(lease.address6());
        if (ports.containsKey(lease.network()) && !zone.serves(lease.network())) {
            ports.remove(lease.network());
            try {
                store.network(lease.network()).ifPresent(network -> {
                    resolver.leave(network.gateway());
                    resolver.leave(network.gateway6());
                });
            } catch (IOException e) {
                // who listens in vain does no harm
            }
        }
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
        return reader.lost();
    }

    static InetAddress gateway(NetworkDefinition network, InetAddress client) {
        return client instanceof Inet4Address ? network.gateway() : network.gateway6();
    }

    /** Names are no longer answered, and nothing is told of. Nothing opens by that. */
    @Override
    public synchronized void close() {
        closed = true;
        resolver.close();
        reader.close();
    }
}
