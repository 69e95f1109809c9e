package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How much one client may ask, and how long anything takes or is kept.
 *
 * @param rate questions a second; what is above it is not answered, as if it had been lost on the way
 * @param burst questions that may come at once
 * @param outstanding questions of a client that may wait for a server; what is above it is refused
 * @param connections by TCP that a client may have
 * @param entries answers that are kept for a client
 * @param bytes that these may have, roughly
 * @param timeToLive the longest that an answer is kept, and told to be kept
 * @param negativeTimeToLive the same for the answer that there is nothing
 * @param attempt how long a server is waited for before the next is asked
 * @param patience how long a client waits for an answer at the most
 */
public record ResolverLimits(
        int rate,
        int burst,
        int outstanding,
        int connections,
        int entries,
        int bytes,
        Duration timeToLive,
        Duration negativeTimeToLive,
        Duration attempt,
        Duration patience) {
    public static final ResolverLimits STANDARD = new ResolverLimits(
            1000,
            2000,
            128,
            16,
            1024,
            512 << 10,
            Duration.ofHours(1),
            Duration.ofSeconds(60),
            Duration.ofMillis(1500),
            Duration.ofMillis(4500)); // the resolver of glibc gives up after 5 s

    public ResolverLimits {
        positive(rate, "rate");
        positive(burst, "burst");
        positive(outstanding, "outstanding");
        positive(connections, "connections");
        positive(entries, "entries");
        positive(bytes, "bytes");
        positive(timeToLive, "timeToLive");
        positive(negativeTimeToLive, "negativeTimeToLive");
        positive(attempt, "attempt");
        positive(patience, "patience");
    }

    private static void positive(int value, String name) {
        if (value <= 0) {
            throw new IllegalArgumentException(name + " is " + value + ", not a positive number");
        }
    }

    private static void positive(Duration value, String name) {
        requireNonNull(value, name);
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(name + " is " + value + ", not a time");
        }
    }
}
