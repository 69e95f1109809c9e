package dev.cay.linux;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;

/**
 * What a process has used, and those of its descendants that have been waited for: {@code struct rusage}, getrusage(2).
 *
 * @param user processor time in its own code
 * @param system processor time in the kernel
 * @param peakKibibytes the most memory that one of them had at a time
 * @param minorFaults pages that were there without reading them
 * @param majorFaults pages that had to be read
 * @param blocksRead of 512 bytes, from a file system
 * @param blocksWritten the same, to one
 * @param voluntarySwitches how often they have waited for something
 * @param involuntarySwitches how often others had their turn
 */
public record ResourceUsage(
        Duration user,
        Duration system,
        long peakKibibytes,
        long minorFaults,
        long majorFaults,
        long blocksRead,
        long blocksWritten,
        long voluntarySwitches,
        long involuntarySwitches) {
    /** Two {@code struct timeval}, then longs, of which Linux keeps some. */
    public static final int SIZE = 144;

    private static final int USER_AT = 0;
    private static final int SYSTEM_AT = 16;
    private static final int MAXRSS_AT = 32;
    private static final int MINFLT_AT = 64;
    private static final int MAJFLT_AT = 72;
    private static final int INBLOCK_AT = 88;
    private static final int OUBLOCK_AT = 96;
    private static final int NVCSW_AT = 128;
    private static final int NIVCSW_AT = 136;
    private static final long NANOSECONDS = 1_000_000_000;

    /** Reads one that a kernel which nobody need believe has written; empty if it says what cannot be. */
    public static Optional<ResourceUsage> read(ByteBuffer buffer, int at) {
        for (int i = 0; i < SIZE; i += Long.BYTES) {
            long field = buffer.getLong(at + i);
            if (field < 0 || field > Long.MAX_VALUE / NANOSECONDS) {
                return Optional.empty();
            }
        }
        return Optional.of(new ResourceUsage(
                time(buffer, at + USER_AT),
                time(buffer, at + SYSTEM_AT),
                buffer.getLong(at + MAXRSS_AT),
                buffer.getLong(at + MINFLT_AT),
                buffer.getLong(at + MAJFLT_AT),
                buffer.getLong(at + INBLOCK_AT),
                buffer.getLong(at + OUBLOCK_AT),
                buffer.getLong(at + NVCSW_AT),
                buffer.getLong(at + NIVCSW_AT)));
    }

    private static Duration time(ByteBuffer buffer, int at) {
        return Duration.ofSeconds(buffer.getLong(at), buffer.getLong(at + Long.BYTES) * 1000);
    }
}
