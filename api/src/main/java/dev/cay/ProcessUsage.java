package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * What a command's process has used, and those of its descendants that have been waited for: getrusage(2). A descendant that outlives
 * it, or that nobody waits for, is not in it.
 *
 * @param user processor time in its own code
 * @param system processor time in the kernel
 * @param peakMemory the most memory that one of these processes had at a time, as the kernel counts it: of a small one it may miss
 *     some hundred KiB
 * @param minorFaults pages of memory that it came to without reading a file
 * @param majorFaults pages of memory that had to be read
 * @param read from file systems on disks; what the kernel still had is not read
 * @param written to file systems on disks
 * @param voluntarySwitches how often it has waited for something
 * @param involuntarySwitches how often it had to leave the processor to others
 */
public record ProcessUsage(
        Duration user,
        Duration system,
        Size peakMemory,
        long minorFaults,
        long majorFaults,
        Size read,
        Size written,
        long voluntarySwitches,
        long involuntarySwitches) {
    public ProcessUsage {
        requireNonNull(user, "user is null");
        requireNonNull(system, "system is null");
        requireNonNull(peakMemory, "peakMemory is null");
        requireNonNull(read, "read is null");
        requireNonNull(written, "written is null");
        if (user.isNegative() || system.isNegative()) {
            throw new IllegalArgumentException("a command has used " + user + " and " + system);
        }
        if (Math.min(Math.min(minorFaults, majorFaults), Math.min(voluntarySwitches, involuntarySwitches)) < 0) {
            throw new IllegalArgumentException("a command has a negative number of faults or switches");
        }
    }
}
