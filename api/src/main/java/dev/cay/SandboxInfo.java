package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * What is known of a sandbox of this machine.
 *
 * @param id its id
 * @param state where it was in its life when it was looked at
 * @param spec what it was to be
 * @param created when it was made
 * @param firstProcess the number on the host of its first process; empty if it has none
 * @param exit how its own command ended the last time; empty if it has none or it has not ended
 */
public record SandboxInfo(
        String id,
        SandboxState state,
        SandboxSpec spec,
        Instant created,
        Optional<Long> firstProcess,
        Optional<Exit> exit) {
    public SandboxInfo {
        requireNonNull(id, "id is null");
        requireNonNull(state, "state is null");
        requireNonNull(spec, "spec is null");
        requireNonNull(created, "created is null");
        requireNonNull(firstProcess, "firstProcess is null");
        requireNonNull(exit, "exit is null");
    }

    /** The name it was given, or its id. */
    public String name() {
        return spec.name().orElse(id);
    }
}
