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
 * @param removedAtEnd whether it ends with its own command, and is removed when it has ended, whatever ended it: at once if
 *     somebody uses it at that moment, else when somebody next looks for sandboxes. Only of one that is detached: others always are
 */
public record Lifetime(boolean detached, Optional<Duration> limit, Optional<Duration> idle, boolean removedAtEnd) {
    private static final Duration LONGEST = Duration.ofDays(3650);

    public Lifetime {
        check("lifetime", requireNonNull(limit, "limit is null"));
        check("idle time", requireNonNull(idle, "idle is null"));
        Check.that(
                detached || !removedAtEnd,
                "a sandbox that ends with its process is removed in any case",
                "make it detached, or leave that out");
    }

    private static void check(String what, Optional<Duration> duration) {
        duration.ifPresent(value -> Check.that(
                value.compareTo(Duration.ofSeconds(1)) >= 0 && value.compareTo(LONGEST) <= 0,
                what + " " + value + " is out of range",
                "1 s to 3650 days"));
    }

    /** It ends with the process that made it. */
    public static Lifetime attached() {
        return new Lifetime(false, Optional.empty(), Optional.empty(), false);
    }

    /** It lives until somebody removes it. */
    public static Lifetime untilRemoved() {
        return new Lifetime(true, Optional.empty(), Optional.empty(), false);
    }

    /** The same that ends after a time. */
    public Lifetime limit(Duration duration) {
        return new Lifetime(detached, Optional.of(duration), idle, removedAtEnd);
    }

    /** The same that ends after a time without use. */
    public Lifetime idle(Duration duration) {
        return new Lifetime(detached, limit, Optional.of(duration), removedAtEnd);
    }

    /** The same that ends with the sandbox's own command and is removed then. */
    public Lifetime untilEnd() {
        return new Lifetime(detached, limit, idle, true);
    }
}
