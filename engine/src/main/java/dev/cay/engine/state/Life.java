package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxState;

/**
 * What the {@link Lifecycle} has to know of a sandbox.
 *
 * @param state where it is in its life
 * @param ownCommand whether it has a command of its own
 * @param removedAtEnd whether it is removed when it has died
 * @param generation how often its own command has been started; an event of an earlier one means nothing any more
 */
public record Life(SandboxState state, boolean ownCommand, boolean removedAtEnd, int generation) {
    public Life {
        requireNonNull(state, "state is null");
        if (generation < 0) {
            throw new IllegalArgumentException("generation " + generation + " is negative");
        }
    }

    /** A sandbox that is being made. */
    public static Life creating(boolean ownCommand, boolean removedAtEnd) {
        return new Life(SandboxState.CREATING, ownCommand, removedAtEnd, 0);
    }

    Life in(SandboxState other) {
        return new Life(other, ownCommand, removedAtEnd, generation);
    }

    Life started() {
        return new Life(SandboxState.RUNNING, ownCommand, removedAtEnd, Math.addExact(generation, 1));
    }
}
