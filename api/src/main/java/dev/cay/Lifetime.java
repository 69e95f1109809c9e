package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * For how long a sandbox lives.
 *
 * @param detached whether it outlives the process that made it. One that does not ends with that process, however that ends
 * @param limit after which it ends in any case; 1 s to 3650 days
 * @param idle after which it ends if nothing runs in it and nobody uses it; 1 s to 3650 days
 */
public record Lifetime(boolean detached, Optional<Duration> limit, Optional<Duration> idle) {
    private static final Duration LONGEST = Duration.ofDays(3650);

    public Lifetime {
        check("lifetime", requireNonNull(limit, "limit is null"));
        check("idle time", requireNonNull(idle, "idle is null"));
    }

    private static void check(String what, Optional<Duration> duration) {
        duration.ifPresent(value -> Check.that(
                value.compareTo(Duration.ofSeconds(1)) >= 0 && value.compareTo(LONGEST) <= 0,
                what + " " + value + " is out of range",
                "1 s to 3650 days"));
    }

    /** It ends with the process that made it. */
    public static Lifetime attached() {
        return new Lifetime(false, Optional.empty(), Optional.empty());
    }

    /** It lives until somebody removes it. */
    public static Lifetime untilRemoved() {
        return new Lifetime(true, Optional.empty(), Optional.empty());
    }

    /** The same that ends after a time. */
    public Lifetime limit(Duration duration) {
        return new Lifetime(detached, Optional.of(duration), idle);
    }

    /** The same that ends after a time without use. */
    public Lifetime idle(Duration duration) {
        return new Lifetime(detached, limit, Optional.of(duration));
    }
}
