package dev.cay.engine.network;

import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.netlink.Connections;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Addresses that have been given back rest until the kernel remembers nothing of them: links, neighbours, connections. It is made to
 * forget many at once, since for their connections it walks through all that it has. Whoever calls this holds the store's lock.
 */
final class Quarantine implements NetworkStore.Quarantine {
    /** So many addresses may rest before somebody looks whether the kernel has forgotten them. */
    private static final int RESTING = 32;

    private final NetworkStore store;
    private final Links links;
    private final Connections connections;

    Quarantine(NetworkStore store, Links links, Connections connections) {
        this.store = store;
        this.links = links;
        this.connections = connections;
    }

    /** Frees addresses if many rest. */
    void free() throws IOException {
        if (store.restingCount() >= RESTING) {
            free(store.resting());
        }
    }

    /** Of those that still have a link nothing is forgotten. */
    private void free(List<Lease> resting) throws IOException {
        List<Lease> over = new ArrayList<>();
        for (Lease lease : resting) {
            if (!links.exists(lease.link())) {
                over.add(lease);
            }
        }
        for (NetworkDefinition network : store.networks()) {
            links.forget(
                    network,
                    over.stream()
                            .filter(lease -> lease.network().equals(network.name()))
                            .toList());
        }
        forgetConnections(over);
        for (Lease lease : over) {
            store.forget(lease);
        }
    }

    @Override
    public boolean isOver(Lease lease) throws IOException {
        free(List.of(lease));
        return !links.exists(lease.link());
    }

    /** All of them are over: the bridges go. */
    void end() throws IOException {
        List<Lease> resting = store.resting();
        forgetConnections(resting);
        for (Lease lease : resting) {
            store.forget(lease);
        }
    }

    /** What sandboxes have begun, and what has been answered by them, is no connection any more. */
    void forgetConnections(List<Lease> leases) throws IOException {
        Set<InetAddress> addresses = new HashSet<>();
        for (Lease lease : leases) {
            addresses.add(lease.address());
            addresses.add(lease.address6());
        }
        connections.forget(addresses);
    }
}
