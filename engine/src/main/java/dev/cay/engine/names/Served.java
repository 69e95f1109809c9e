package dev.cay.engine.names;

import dev.cay.EgressPolicy;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A sandbox whose questions are answered, and what it has been told under the policy that it has. Thread-safe. */
final class Served {
    /** For so many addresses of names its policy speaks of; each takes memory of the kernel. */
    private static final int MAXIMUM_APPLIED = 4096;

    private static final int MAXIMUM_DOMAINS = 512;

    private final NetworkDefinition network;
    private final Lease lease;

    /** The names for which it was told addresses, for those who want to know what it was denied. */
    private final Map<InetAddress, String> domains = new LinkedHashMap<>();

    /** Until when rules apply to addresses of names, of {@link System#nanoTime}. */
    private final Map<Applied, Long> applied = new LinkedHashMap<>();

    private record Applied(String name, InetAddress address) {}

    Served(NetworkDefinition network, Lease lease) {
        this.network = network;
        this.lease = lease;
    }

    NetworkDefinition network() {
        return network;
    }

    Lease lease() {
        return lease;
    }

    EgressPolicy policy() {
        return lease.egress().orElseGet(EgressPolicy::denyAll); // none is in force yet
    }

    synchronized void told(InetAddress address, String name) {
        domains.remove(address);
        domains.put(address, name);
        if (domains.size() > MAXIMUM_DOMAINS) {
            domains.remove(domains.keySet().iterator().next());
        }
    }

    synchronized Optional<String> domain(InetAddress address) {
        return Optional.ofNullable(domains.get(address));
    }

    /**
     * Lets the rules of the policy that is written apply to addresses, as far as they do not for long enough.
     *
     * @throws IOException also if these are too many
     */
    synchronized void apply(NameFilter filter, Lease written, String name, List<InetAddress> addresses, Duration time)
            throws IOException {
        long now = System.nanoTime();
        long until = now + time.toNanos();
        // What was applied under another policy is worth nothing; who changed it will tell us.
        boolean same = written.egress().equals(lease.egress());
        List<InetAddress> missing = new ArrayList<>();
        for (InetAddress address : addresses) {
            Long before = applied.get(new Applied(name, address));
            if (!same || before == null || before - until < 0) {
                missing.add(address);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        if (applied.size() + missing.size() > MAXIMUM_APPLIED) {
            applied.values().removeIf(end -> end - now < 0);
            if (applied.size() + missing.size() > MAXIMUM_APPLIED) {
                throw new IOException("addresses of more than " + MAXIMUM_APPLIED + " names at the same time");
            }
        }
        // Longer than it has to be: questions that follow soon need nothing to be done.
        Duration longer = time.plus(time);
        filter.apply(written, name, missing, longer);
        if (same) {
            for (InetAddress address : missing) {
                applied.put(new Applied(name, address), now + longer.toNanos());
            }
        }
    }
}
