package dev.cay.engine.seccomp;

import java.util.Random;

/** Random values that tests need. */
final class RandomNumbers {
    private static final long[] EDGES = {
        0,
        1,
        2,
        3,
        0x7FFF_FFFFL,
        0x8000_0000L,
        0xFFFF_FFFEL,
        0xFFFF_FFFFL,
        0x1_0000_0000L,
        0x1_0000_0001L,
        0x1_FFFF_FFFFL,
        0x7FFF_FFFF_FFFF_FFFFL,
        0x8000_0000_0000_0000L,
        0xFFFF_FFFF_0000_0000L,
        -2,
        -1
    };

    private RandomNumbers() {}

    /** A number of 64 bits, often one where comparisons go wrong. */
    static long number(Random random) {
        long edge = EDGES[random.nextInt(EDGES.length)];
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(600);
            case 2 -> edge + random.nextInt(3) - 1;
            default -> edge;
        };
    }
}
