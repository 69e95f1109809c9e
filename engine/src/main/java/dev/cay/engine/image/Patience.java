package dev.cay.engine.image;

import java.time.Duration;

/**
 * How long a registry is waited for.
 *
 * @param attempts how often something is tried that fails, until it has got no further
 * @param first how long it is waited before the second attempt; then twice as long each time
 * @param longest the longest of these, whatever the registry asks for
 * @param silence how long it may say nothing
 */
record Patience(int attempts, Duration first, Duration longest, Duration silence) {
    static final Patience STANDARD =
            new Patience(6, Duration.ofMillis(250), Duration.ofSeconds(30), Duration.ofSeconds(60));

    /** The delay before an attempt, from the second on. */
    Duration before(int attempt) {
        Duration delay = first;
        for (int i = 2; i < attempt && delay.compareTo(longest) < 0; i++) {
            delay = delay.multipliedBy(2);
        }
        return delay.compareTo(longest) < 0 ? delay : longest;
    }
}
