package dev.cay.engine.names;

import dev.cay.DeniedConnection;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.Lease;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Writes down what was denied: so much of each sandbox, and how much there was more. Thread-safe. */
final class Denials {
    /** Of each sandbox, in a second and at once. */
    private static final int RATE = 10;

    private static final int BURST = 100;
    private static final int MAXIMUM_SANDBOXES = 4096;
    private static final int PORT = 53;
    private static final double SECOND = 1e9;

    private final DenialLog log;
    private final Map<String, Bucket> buckets = new HashMap<>();

    private static final class Bucket {
        private double tokens = BURST;
        private long filled = System.nanoTime();
        private long suppressed;
    }

    Denials(DenialLog log) {
        this.log = log;
    }

    /** A name. */
    void name(Lease lease, InetAddress server, String name, String rule) {
        write(lease, "dns", server, OptionalInt.of(PORT), Optional.of(name), rule);
    }

    void write(
            Lease lease, String protocol, InetAddress address, OptionalInt port, Optional<String> domain, String rule) {
        long suppressed = suppressed(lease.sandbox());
        if (suppressed < 0) {
            return;
        }
        String name = lease.names().isEmpty() ? lease.sandbox() : lease.names().getLast();
        try {
            log.append(new DeniedConnection(
                    Instant.now(), lease.sandbox(), name, protocol, address, port, domain, rule, suppressed));
        } catch (IOException e) {
            // a full disk is no reason to let anything through, nor to stop
        }
    }

    /** How many were passed over since the last one that was written; -1 if this one is passed over too. */
    private synchronized long suppressed(String sandbox) {
        if (buckets.size() >= MAXIMUM_SANDBOXES && !buckets.containsKey(sandbox)) {
            buckets.clear();
        }
        Bucket bucket = buckets.computeIfAbsent(sandbox, _ -> new Bucket());
        long now = System.nanoTime();
        bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.filled) / SECOND * RATE);
        bucket.filled = now;
        if (bucket.tokens < 1) {
            bucket.suppressed++;
            return -1;
        }
        bucket.tokens--;
        long suppressed = bucket.suppressed;
        bucket.suppressed = 0;
        return suppressed;
    }
}
