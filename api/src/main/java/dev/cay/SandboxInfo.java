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
 * @param paused whether all that runs in it is halted until it is resumed
 * @param machine what is known of its machine; empty if it is no microVM
 */
public record SandboxInfo(
        String id,
        SandboxState state,
        SandboxSpec spec,
        Instant created,
        Optional<Long> firstProcess,
        Optional<Exit> exit,
        boolean paused,
        Optional<MachineInfo> machine) {
    public SandboxInfo {
        requireNonNull(id, "id is null");
        requireNonNull(state, "state is null");
        requireNonNull(spec, "spec is null");
        requireNonNull(created, "created is null");
        requireNonNull(firstProcess, "firstProcess is null");
        requireNonNull(exit, "exit is null");
        requireNonNull(machine, "machine is null");
    }

    /** The same of one that is no microVM, and not paused. */
    public SandboxInfo(
            String id,
            SandboxState state,
            SandboxSpec spec,
            Instant created,
            Optional<Long> firstProcess,
            Optional<Exit> exit) {
        this(id, state, spec, created, firstProcess, exit, false, Optional.empty());
    }

    /** The same, paused or not. */
    public SandboxInfo paused(boolean value) {
        return new SandboxInfo(id, state, spec, created, firstProcess, exit, value, machine);
    }

    /** The name it was given, or its id. */
    public String name() {
        return spec.name().orElse(id);
    }
}
