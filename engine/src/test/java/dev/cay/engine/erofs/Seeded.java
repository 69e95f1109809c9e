package dev.cay.engine.erofs;

import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;

/** Runs a property with a random seed; a failure names the seed, and {@code -Dcay.seed} repeats it. */
final class Seeded {
    private Seeded() {}

    interface Property {
        void check(Random random) throws Exception;
    }

    static void run(Property property) {
        long seed = Long.getLong("cay.seed", ThreadLocalRandom.current().nextLong());
        try {
            property.check(new Random(seed));
        } catch (Exception | Error e) {
            throw new AssertionError("with -Dcay.seed=" + seed + ": " + e.getMessage(), e);
        }
    }
}
