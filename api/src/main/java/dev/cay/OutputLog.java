package dev.cay;

import static java.util.Objects.requireNonNull;

/**
 * A piece of what a command wrote to one of its streams.
 *
 * @param from how many bytes it had written before
 * @param bytes what it wrote then; do not modify
 */
public record OutputLog(long from, byte[] bytes) {
    public OutputLog {
        requireNonNull(bytes, "bytes is null");
    }

    /** How many bytes it had written after this. */
    public long next() {
        return from + bytes.length;
    }
}
