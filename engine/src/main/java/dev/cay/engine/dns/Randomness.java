package dev.cay.engine.dns;

import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Numbers that nobody can guess, from the kernel, see random(4). {@code SecureRandom} gets the same from the same place; to get
 * it takes a cold JVM tens of milliseconds. Thread-safe.
 */
final class Randomness {
    private static final int AHEAD = 512;

    private final long[] numbers = new long[AHEAD];
    private int left;

    synchronized long next() throws IOException {
        if (left == 0) {
            try (DataInputStream in = new DataInputStream(new FileInputStream("/dev/urandom"))) {
                byte[] bytes = in.readNBytes(AHEAD * Long.BYTES);
                if (bytes.length != AHEAD * Long.BYTES) {
                    throw new IOException("/dev/urandom has an end");
                }
                ByteBuffer.wrap(bytes).asLongBuffer().get(numbers);
            }
            left = AHEAD;
        }
        long number = numbers[--left];
        numbers[left] = 0;
        return number;
    }
}
