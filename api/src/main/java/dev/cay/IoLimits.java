package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.OptionalLong;

/**
 * Throughput limits that hold for each block device of the machine; each at least 1 per second. On control groups of version
 * 1 the kernel applies write limits to direct and synchronous writes only; what a microVM writes to its disks is written so.
 *
 * @param readBytes bytes read per second
 * @param writeBytes bytes written per second
 * @param readOperations read operations per second
 * @param writeOperations write operations per second
 */
public record IoLimits(
        OptionalLong readBytes, OptionalLong writeBytes, OptionalLong readOperations, OptionalLong writeOperations) {
    public IoLimits {
        for (OptionalLong limit : new OptionalLong[] {readBytes, writeBytes, readOperations, writeOperations}) {
            requireNonNull(limit, "an io limit is null")
                    .ifPresent(value ->
                            Check.that(value >= 1, "io limit " + value + " is below 1", "leave it out for no limit"));
        }
    }

    public static IoLimits none() {
        return new IoLimits(OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty());
    }

    public boolean isNone() {
        return readBytes.isEmpty() && writeBytes.isEmpty() && readOperations.isEmpty() && writeOperations.isEmpty();
    }
}
