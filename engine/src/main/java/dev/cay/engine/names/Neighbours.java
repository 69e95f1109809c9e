package dev.cay.engine.names;

import dev.cay.SandboxException;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkStore;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The sandboxes of all processes, by network and name. They are read again when one has come or gone, at most every 50 ms.
 * Thread-safe.
 */
final class Neighbours {
    private static final long SETTLED_MILLIS = 50;

    private final NetworkStore store;
    private Map<String, Lease> names = Map.of();
    private Map<String, String> addresses = Map.of();
    private Map<InetAddress, Lease> leases = Map.of();
    private Optional<FileTime> seen = Optional.empty();
    private long looked = System.nanoTime() - SETTLED_MILLIS * 1_000_000;

    Neighbours(NetworkStore store) {
        this.store = store;
    }

    /** The sandbox of a network that has a name, in lower case. The first one made, if several have it. */
    synchronized Optional<Lease> named(String network, String name) {
        look();
        return Optional.ofNullable(names.get(network + "/" + name));
    }

    /** What is written of who has an address now. */
    synchronized Optional<Lease> at(InetAddress address) {
        look();
        return Optional.ofNullable(leases.get(address));
    }

    synchronized Optional<String> of(String network, InetAddress address) {
        look();
        return Optional.ofNullable(addresses.get(network + "/" + address.getHostAddress()));
    }

    /** What was read may be older than what somebody knows: the next question has it read again. */
    synchronized void forget() {
        seen = Optional.empty();
        looked = System.nanoTime() - SETTLED_MILLIS * 1_000_000;
    }

    private void look() {
        long now = System.nanoTime();
        if (now - looked < SETTLED_MILLIS * 1_000_000) {
            return;
        }
        looked = now;
        try {
            FileTime changed = store.changed();
            if (!seen.equals(Optional.of(changed))) {
                read(store.leases());
                // What has just changed may change again without another time.
                boolean settled = System.currentTimeMillis() - changed.toMillis() > SETTLED_MILLIS;
                seen = settled ? Optional.of(changed) : Optional.empty();
            }
        } catch (IOException | SandboxException e) {
            seen = Optional.empty(); // what was known before is better than nothing
        }
    }

    private void read(List<Lease> all) {
        Map<InetAddress, Lease> byClient = new HashMap<>();
        Map<String, Lease> byName = new HashMap<>();
        Map<String, String> byAddress = new HashMap<>();
        for (Lease lease : all) {
            byClient.put(lease.address(), lease);
            byClient.put(lease.address6(), lease);
            for (String name : lease.names()) {
                byName.putIfAbsent(lease.network() + "/" + name.toLowerCase(Locale.ROOT), lease);
            }
            if (!lease.names().isEmpty()) {
                String name = lease.names().getFirst();
                byAddress.put(lease.network() + "/" + lease.address().getHostAddress(), name);
                byAddress.put(lease.network() + "/" + lease.address6().getHostAddress(), name);
            }
        }
        leases = byClient;
        names = byName;
        addresses = byAddress;
    }
}
