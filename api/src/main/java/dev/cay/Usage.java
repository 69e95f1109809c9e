package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * What a sandbox has used, all its processes together, read from its control groups.
 *
 * @param cpu processor time
 * @param memory memory in use now
 * @param memoryPeak the most memory that was in use at once
 * @param processes processes and threads alive now
 * @param bytesRead bytes read from block devices; empty where they are accounted for only under an {@link IoLimits}
 * @param bytesWritten bytes written to block devices; empty where bytesRead is
 * @param oomKills how often the kernel killed a process because the memory limit was reached
 */
public record Usage(
        Duration cpu,
        Size memory,
        Size memoryPeak,
        long processes,
        Optional<Size> bytesRead,
        Optional<Size> bytesWritten,
        long oomKills) {
    public Usage {
        requireNonNull(cpu, "cpu is null");
        requireNonNull(memory, "memory is null");
        requireNonNull(memoryPeak, "memoryPeak is null");
        requireNonNull(bytesRead, "bytesRead is null");
        requireNonNull(bytesWritten, "bytesWritten is null");
    }
}
