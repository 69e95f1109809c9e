package dev.cay.engine.state;

import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

/** Runs a property with a random seed; a failure names the seed, and {@code -Dcay.seed} repeats it. */
final class Seeded {
    private Seeded() {}

    static void run(Consumer<Random> property) {
        long seed = Long.getLong("cay.seed", ThreadLocalRandom.current().nextLong());
        try {
            property.accept(new Random(seed));
        } catch (RuntimeException | Error e) {
            throw new AssertionError("with -Dcay.seed=" + seed + ": " + e.getMessage(), e);
        }
    }
}
