package dev.cay.engine.container;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxSpec;
import dev.cay.linux.Child;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.util.Optional;

/**
 * A container in which nothing has run yet: its first process waits in its namespaces, with all file systems in place. What it
 * does not depend on are its limits, its host name and what will run in it.
 *
 * @param id the name of its control group, unique on this machine
 * @param hostname what it has been called so far
 * @param range its ids
 * @param accounts the users of its root file system
 * @param network what it has of a network of this machine, if that is what it was made for
 * @param cleanup takes all of it away again
 */
record Preparation(
        String id,
        String hostname,
        IdRanges.Range range,
        Accounts accounts,
        Group group,
        Child first,
        Stub stub,
        Optional<NetworkSource.Connection> network,
        Cleanup cleanup)
        implements AutoCloseable {
    Preparation {
        requireNonNull(id, "id is null");
        requireNonNull(hostname, "hostname is null");
    }

    /** For one that no sandbox has taken. */
    @Override
    public void close() {
        cleanup.close();
    }

    /** Makes preparations. Thread-safe. */
    interface Maker {
        Preparation make(SandboxSpec spec) throws IOException;
    }
}
