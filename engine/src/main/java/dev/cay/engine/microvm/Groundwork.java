package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import java.util.Map;

/**
 * What a guest has already when its first process answers, as it goes on where another machine was.
 *
 * @param laid whether all that is the same in every guest is done: the process table, the loopback, the file systems of its kernel, and
 *     that its first process comes before all others
 * @param disks the names of the devices of those disks that its kernel knows, by their serials
 */
record Groundwork(boolean laid, Map<String, String> disks) {
    /** Of a guest that boots. */
    static final Groundwork NONE = new Groundwork(false, Map.of());

    /** Of one whose root is there. */
    static final Groundwork ALL = new Groundwork(true, Map.of());

    Groundwork {
        requireNonNull(disks, "disks is null");
        disks = Map.copyOf(disks);
    }
}
