package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The most a sandbox may use, all its processes together. What is empty is not limited, but for the number of processes,
 * which always is.
 *
 * @param memory memory, page cache and writable tmpfs included, no swap; at least 6 MiB. When it is reached everything in the
 *     sandbox is killed and reported as {@code oom}
 * @param pids processes and threads; 1 to 4194304
 * @param cpus processor time per second, in processors; 0.01 to 8192. A microVM sees as many processors, rounded up: at least a tenth
 *     of one, at most those of this machine
 * @param cpuWeight the share of contended processors, 1 to 10000, where 100 is what everybody has
 * @param io throughput of block devices
 */
public record Limits(Optional<Size> memory, int pids, OptionalDouble cpus, OptionalInt cpuWeight, IoLimits io) {
    /** The number of processes and threads that a sandbox may have if nothing else is said. */
    public static final int DEFAULT_PIDS = 512;

    public static final Size MINIMUM_MEMORY = Size.mib(6);
    public static final int MAXIMUM_PIDS = 4_194_304;

    public Limits {
        requireNonNull(memory, "memory is null");
        requireNonNull(cpus, "cpus is null");
        requireNonNull(cpuWeight, "cpuWeight is null");
        requireNonNull(io, "io is null");
        memory.ifPresent(size -> Check.that(
                size.compareTo(MINIMUM_MEMORY) >= 0,
                "memory limit " + size + " is below " + MINIMUM_MEMORY,
                "a sandbox cannot even be set up in less; give it " + MINIMUM_MEMORY + " or more"));
        Check.that(
                pids >= 1 && pids <= MAXIMUM_PIDS, "pids limit " + pids + " is out of range", "1 to " + MAXIMUM_PIDS);
        cpus.ifPresent(value ->
                Check.that(value >= 0.01 && value <= 8192, "cpus limit " + value + " is out of range", "0.01 to 8192"));
        cpuWeight.ifPresent(value ->
                Check.that(value >= 1 && value <= 10_000, "cpu weight " + value + " is out of range", "1 to 10000"));
    }

    /** No limits but the number of processes. */
    public static Limits none() {
        return new Limits(Optional.empty(), DEFAULT_PIDS, OptionalDouble.empty(), OptionalInt.empty(), IoLimits.none());
    }
}
