package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * What one command of a sandbox has used, all its descendants together, wherever they hide: the account of its control group,
 * cgroups(7). Of a command whose group is gone, while nobody had asked for its account, it is what its own process has used and those
 * that it had waited for.
 *
 * @param cpu processor time, also of those that have ended
 * @param memory what those alive have in memory now; pages that they share count for each of them
 * @param processes processes alive now
 * @param process what its own process has used, told when that has ended; empty before
 */
public record ExecutionUsage(Duration cpu, Size memory, int processes, Optional<ProcessUsage> process) {
    /** Without what its own process has used. */
    public ExecutionUsage(Duration cpu, Size memory, int processes) {
        this(cpu, memory, processes, Optional.empty());
    }

    public ExecutionUsage {
        requireNonNull(process, "process is null");
        requireNonNull(cpu, "cpu is null");
        requireNonNull(memory, "memory is null");
        if (cpu.isNegative() || processes < 0) {
            throw new IllegalArgumentException("a command has used " + cpu + " in " + processes + " processes");
        }
    }
}
