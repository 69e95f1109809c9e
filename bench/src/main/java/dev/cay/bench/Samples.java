package dev.cay.bench;

import java.util.Collection;

/** How long something took, time and again. Immutable; percentiles are values that occurred (nearest rank). */
final class Samples {
    private final long[] sorted;

    private Samples(long[] sorted) {
        this.sorted = sorted;
    }

    /**
     * @throws IllegalArgumentException if there is none
     */
    static Samples ofNanoseconds(Collection<Long> nanoseconds) {
        if (nanoseconds.isEmpty()) {
            throw new IllegalArgumentException("no samples");
        }
        return new Samples(
                nanoseconds.stream().mapToLong(Long::longValue).sorted().toArray());
    }

    int count() {
        return sorted.length;
    }

    /**
     * The smallest value that at least so many of a hundred values do not exceed, in microseconds.
     *
     * @param percent 1 to 100
     */
    double percentile(int percent) {
        if (percent < 1 || percent > 100) {
            throw new IllegalArgumentException("percent " + percent + " is out of range: 1 to 100");
        }
        int rank = Math.ceilDiv(Math.multiplyExact(sorted.length, percent), 100);
        return sorted[rank - 1] / 1000.0;
    }

    double median() {
        return percentile(50);
    }
}
