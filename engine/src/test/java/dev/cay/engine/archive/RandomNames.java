package dev.cay.engine.archive;

import java.util.Random;

/** Random values that tests need. */
final class RandomNames {
    private RandomNames() {}

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
