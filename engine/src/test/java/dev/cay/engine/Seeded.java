package dev.cay.engine;

import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;

/** Runs a property with a random seed; a failure names the seed, and {@code -Dcay.seed} repeats it. */
public final class Seeded {
    private Seeded() {}

    /** Holds for everything that can be made of random numbers. */
    public interface Property {
        void check(Random random) throws Exception;
    }

    /** Checks a property once. */
    public static void run(Property property) {
        long seed = Long.getLong("cay.seed", ThreadLocalRandom.current().nextLong());
        try {
            property.check(new Random(seed));
        } catch (Exception | Error e) {
            throw new AssertionError("with -Dcay.seed=" + seed + ": " + e.getMessage(), e);
        }
    }
}
