package dev.cay.engine.sandbox;

import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.Container;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;

/**
 * What the owner's other processes are told of a sandbox that ends with this one: its record, and where its first process takes
 * their connections. Most sandboxes are gone before anybody could ask for them, so one without a name is told of only after a
 * moment, in the background. Thread-safe.
 */
final class Publication {
    /** After which a sandbox without a name is told of. */
    private static final Duration DELAY = Duration.ofMillis(250);

    private enum State {
        UNTOLD,
        TOLD,
        OVER
    }

    private final Supplier<StoredSandboxes> others;
    private final Container container;
    private final SandboxSpec spec;
    private final Instant created = Instant.now();
    private Optional<Timeouts.Timeout> later = Optional.empty();
    private State state = State.UNTOLD;

    Publication(Supplier<StoredSandboxes> others, Container container, SandboxSpec spec) {
        this.others = others;
        this.container = container;
        this.spec = spec;
    }

    /** When the sandbox was made. */
    Instant created() {
        return created;
    }

    /** Tells of it after a moment. */
    synchronized void publishLater(Timeouts timeouts) {
        if (state != State.UNTOLD) {
            return;
        }
        try {
            later = Optional.of(timeouts.after(DELAY, this::publishInBackground));
        } catch (RejectedExecutionException e) {
            // the engine is being closed, and the sandbox with it
        }
    }

    /**
     * Tells of it, if that has not been done and it lives.
     *
     * @throws SandboxException.Conflict if another sandbox has its name
     */
    synchronized void publish() {
        if (state != State.UNTOLD || !container.isAlive()) {
            return;
        }
        later.ifPresent(Timeouts.Timeout::cancel);
        try {
            others.get().attached().publish(container, spec, created);
            state = State.TOLD;
        } catch (SandboxException e) {
            if (container.isAlive()) { // else it has ended meanwhile, and there is nothing to be told of
                throw e;
            }
        }
    }

    /** The same where nobody waits for it: then the sandbox stays this process's alone if it cannot be done. */
    private void publishInBackground() {
        Thread.startVirtualThread(() -> {
            try {
                publish();
            } catch (SandboxException e) {
                System.getLogger(Publication.class.getName())
                        .log(
                                System.Logger.Level.WARNING,
                                "other processes cannot see the sandbox " + container.id(),
                                e);
            }
        });
    }

    /** Tells of something that has happened to it; of it first, if that has not been done. */
    synchronized void tell(SandboxEvent.Kind kind) {
        publish();
        if (state == State.TOLD) {
            others.get().attached().tell(container.id(), spec, kind);
        }
    }

    /** From now on nobody is told of it any more. */
    synchronized void withdraw() {
        later.ifPresent(Timeouts.Timeout::cancel);
        State former = state;
        state = State.OVER;
        if (former == State.TOLD) {
            others.get().attached().withdraw(container.id(), spec);
        }
    }
}
