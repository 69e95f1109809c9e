package dev.cay.engine.archive;

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

    /** Bytes without NUL, at least one: letters, or anything that a file system takes for a name. */
    static ByteString name(Random random, int maximum) {
        byte[] bytes = new byte[1 + random.nextInt(random.nextInt(4) == 0 ? maximum : Math.min(40, maximum))];
        boolean letters = random.nextInt(3) > 0;
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (letters ? "abcdefgh/".charAt(random.nextInt(9)) : 1 + random.nextInt(255));
        }
        return ByteString.of(bytes);
    }
}
