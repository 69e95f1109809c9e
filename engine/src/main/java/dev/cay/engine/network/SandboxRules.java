package dev.cay.engine.network;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * What sandboxes may reach, and the ports that lead to them: in their leases and in the packet filter alike. It is written down before
 * it is so; who dies in between leaves word of it, and {@link SharedParts#settle} does the rest. Thread-safe, also between
 * processes.
 */
final class SandboxRules {
    private final NetworkStore store;
    private final Filter filter;
    private final Quarantine quarantine;
    private final SharedParts shared;

    SandboxRules(NetworkStore store, Filter filter, Quarantine quarantine, SharedParts shared) {
        this.store = store;
        this.filter = filter;
        this.quarantine = quarantine;
        this.shared = shared;
    }

    /** Changes the packet filter as a lease says from now on; false if our table is not there. */
    private interface Change {
        boolean make() throws IOException;
    }

    Lease open(Lease lease, Network.Named wanted, List<String> names, OptionalInt resolver) throws IOException {
        Lease opened = lease.withEgress(wanted.egress())
                .withNames(names)
                .withPorts(wanted.ports())
                .withResolver(resolver);
        return store.locked(() -> {
            for (PublishedPort port : wanted.ports()) {
                checkFree(port);
            }
            NetworkDefinition network = store.network(lease.network())
                    .filter(now -> now.subnet().contains(lease.address())
                            && now.address6(lease.address()).equals(lease.address6()))
                    .orElseThrow(() -> NetworkStore.notFound(lease.network())); // removed since it was connected
            store.put(opened);
            if (!filter.open(opened, network)) {
                shared.reinstall();
            }
            return opened;
        });
    }

    private void checkFree(PublishedPort port) throws IOException {
        for (Lease other : store.leases()) {
            for (PublishedPort taken : other.ports()) {
                if (taken.conflictsWith(port)) {
                    throw new SandboxException.Conflict(
                            "the port " + port.hostPort() + "/"
                                    + port.transport().text() + " of this machine is in use by the sandbox "
                                    + other.sandbox(),
                            "publish another port");
                }
            }
        }
        PortOwners.check(port);
    }

    void egress(String sandbox, EgressPolicy policy) throws IOException {
        store.locked(() -> {
            Lease lease = require(sandbox);
            Lease changed = lease.withEgress(policy);
            change(lease, changed, () -> filter.exchange(lease, changed));
            return sandbox;
        });
    }

    void publish(String sandbox, PublishedPort port) throws IOException {
        store.locked(() -> {
            Lease lease = require(sandbox);
            checkFree(port);
            List<PublishedPort> ports = new ArrayList<>(lease.ports());
            ports.add(port);
            change(lease, lease.withPorts(ports), () -> filter.publish(lease, port));
            return sandbox;
        });
    }

    void unpublish(String sandbox, PublishedPort port) throws IOException {
        store.locked(() -> {
            Lease lease = require(sandbox);
            List<PublishedPort> ports = new ArrayList<>(lease.ports());
            if (!ports.remove(port)) {
                throw new SandboxException.NotFound(
                        "the sandbox " + sandbox + " does not publish " + port, "see: cay port ls " + sandbox);
            }
            change(lease, lease.withPorts(ports), () -> filter.unpublish(lease, port));
            return sandbox;
        });
    }

    /** What fails leaves all as it was. Connections that the sandbox has are looked at again. */
    private void change(Lease before, Lease after, Change change) throws IOException {
        shared.settle();
        store.changing(true);
        store.put(after);
        try {
            if (!change.make()) {
                shared.reinstall();
            }
        } catch (IOException | RuntimeException e) {
            store.put(before);
            store.changing(false);
            throw e;
        }
        quarantine.forgetConnections(List.of(before));
        store.changing(false);
    }

    Lease require(String sandbox) throws IOException {
        return store.lease(sandbox)
                .orElseThrow(() -> new SandboxException.NotFound(
                        "the sandbox " + sandbox + " has no network of its own", "make it with --network bridge"));
    }
}
