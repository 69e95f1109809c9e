package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.Exit;
import java.time.Duration;

/** What happens to a sandbox, or is asked of it. */
public sealed interface Event {
    /** What it means; see {@link Lifecycle#next}. */
    Transition happenTo(Life life);

    /** All steps of its making have succeeded; this is its first process. */
    record Made(ProcessIdentity firstProcess) implements Event {
        public Made {
            requireNonNull(firstProcess, "firstProcess is null");
        }

        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.made(life);
        }
    }

    /** A step of its making has failed. */
    record SetupFailed() implements Event {
        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.setupFailed(life);
        }
    }

    /** Its own command is to be started. */
    record StartRequested() implements Event {
        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.startRequested(life);
        }
    }

    /** Its own command has been started. */
    record CommandStarted(int generation) implements Event {
        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.commandStarted(life, generation);
        }
    }

    /** Its own command has ended, or could not be started. */
    record CommandEnded(int generation, Exit exit) implements Event {
        public CommandEnded {
            requireNonNull(exit, "exit is null");
        }

        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.commandEnded(life, this);
        }
    }

    /** All its commands are to end; its own is given some time for it. */
    record StopRequested(Duration grace) implements Event {
        public StopRequested {
            requireNonNull(grace, "grace is null");
        }

        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.stopRequested(life, this);
        }
    }

    /** All that ran in it when a stop was asked for has ended. */
    record Stopped(int generation) implements Event {
        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.stopped(life, generation);
        }
    }

    /** Its first process is gone, or has to go. */
    record Died(Death death) implements Event {
        public Died {
            requireNonNull(death, "death is null");
        }

        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.died(life, death);
        }
    }

    /** It is to be removed; asked again, what is left of it is. */
    record RemoveRequested() implements Event {
        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.removing(life);
        }
    }

    /** All that had been done for it on this machine has been undone. */
    record Undone() implements Event {
        @Override
        public Transition happenTo(Life life) {
            return Lifecycle.undone(life);
        }
    }
}
