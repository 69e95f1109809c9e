package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxEvent;
import java.time.Duration;
import java.util.OptionalInt;

/** What has to be done because of an {@link Event}, in the order given. Each can be done again without harm. */
public sealed interface Effect {
    /** Starts the sandbox's own command; its outcome is a {@link Event.CommandStarted} or {@link Event.CommandEnded}. */
    record StartCommand(int generation) implements Effect {}

    /** Sends the sandbox's own command SIGTERM and waits for its end, at the most so long. */
    record TerminateCommand(int generation, Duration grace) implements Effect {
        public TerminateCommand {
            requireNonNull(grace, "grace is null");
        }
    }

    /** Kills all commands, its own among them unless that has been started anew since. Its first process stays. */
    record KillCommands(int generation) implements Effect {}

    /** Kills the first process, and with it all that runs in the sandbox. */
    record KillEverything() implements Effect {}

    /** Undoes what the {@link Journal} still holds. */
    record RunUndo() implements Effect {}

    /** Deletes the sandbox's directory and gives back its name. */
    record DeleteRecord() implements Effect {}

    /**
     * Tells whoever listens.
     *
     * @param execution 1 if it happened to the sandbox's own command
     */
    record Publish(SandboxEvent.Kind kind, OptionalInt execution, String detail) implements Effect {
        public Publish {
            requireNonNull(kind, "kind is null");
            requireNonNull(execution, "execution is null");
            requireNonNull(detail, "detail is null");
        }
    }
}
