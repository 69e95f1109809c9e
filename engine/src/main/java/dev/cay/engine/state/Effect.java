package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxEvent;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.OptionalInt;

/** What has to be done because of an {@link Event}, in the order given. Each can be done again without harm. */
public sealed interface Effect {
    /** Has it done, or what concerns commands passed on. */
    void run(Means means) throws IOException;

    /** By which it is done. */
    interface Means {
        void killEverything() throws IOException;

        void runUndo() throws IOException;

        void deleteRecord() throws IOException;

        void publish(Publish publish) throws IOException;

        /** What is for whoever starts and stops the sandbox's commands. */
        void command(Effect effect) throws IOException;
    }

    /** Starts the sandbox's own command; its outcome is a {@link Event.CommandStarted} or {@link Event.CommandEnded}. */
    record StartCommand(int generation) implements Effect {
        @Override
        public void run(Means means) throws IOException {
            means.command(this);
        }
    }

    /** Sends the sandbox's own command SIGTERM and waits for its end, at the most so long. */
    record TerminateCommand(int generation, Duration grace) implements Effect {
        public TerminateCommand {
            requireNonNull(grace, "grace is null");
        }

        @Override
        public void run(Means means) throws IOException {
            means.command(this);
        }
    }

    /** Kills all commands, its own among them unless that has been started anew since. Its first process stays. */
    record KillCommands(int generation) implements Effect {
        @Override
        public void run(Means means) throws IOException {
            means.command(this);
        }
    }

    /** Kills the first process, and with it all that runs in the sandbox. */
    record KillEverything() implements Effect {
        @Override
        public void run(Means means) throws IOException {
            means.killEverything();
        }
    }

    /** Undoes what the {@link Journal} still holds. */
    record RunUndo() implements Effect {
        @Override
        public void run(Means means) throws IOException {
            means.runUndo();
        }
    }

    /** Deletes the sandbox's directory and gives back its name. */
    record DeleteRecord() implements Effect {
        @Override
        public void run(Means means) throws IOException {
            means.deleteRecord();
        }
    }

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

        /** What whoever listens is told of a sandbox. */
        public SandboxEvent event(Instant time, SandboxRecord record) {
            return new SandboxEvent(time, record.id(), record.name(), kind, execution, detail);
        }

        @Override
        public void run(Means means) throws IOException {
            means.publish(this);
        }
    }
}
