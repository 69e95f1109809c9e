package dev.cay.cli;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Holds the engine where a signal that ends this process can find it. Thread-safe.
 *
 * <p>Either the command finishes first, and its exit code counts, or the signal comes first, and the command has nothing more
 * to say.
 */
final class EngineGuard {
    private final Supplier<Sandboxes> source;
    private Optional<Sandboxes> engine = Optional.empty();
    private boolean stopping;
    private boolean finished;

    EngineGuard(Supplier<Sandboxes> source) {
        this.source = requireNonNull(source, "source is null");
    }

    /** Opens the engine; the caller closes it. */
    Sandboxes open() {
        Sandboxes opened = source.get();
        if (!keep(opened)) {
            opened.close();
            throw new SandboxException.Closed("cay is being stopped");
        }
        return opened;
    }

    private synchronized boolean keep(Sandboxes opened) {
        engine = Optional.of(opened);
        return !stopping;
    }

    /** Ends every sandbox, because this process is about to end. */
    void stop() {
        Optional<Sandboxes> open = markStopping();
        if (open.isPresent()) {
            open.get().close();
        }
    }

    private synchronized Optional<Sandboxes> markStopping() {
        if (finished) {
            return Optional.empty();
        }
        stopping = true;
        return engine;
    }

    /** Whether {@link #stop} has been called: then nothing that fails is worth a word. */
    synchronized boolean stopping() {
        return stopping;
    }

    /** Marks the command as finished; false if {@link #stop} came first. */
    synchronized boolean finish() {
        finished = !stopping;
        return finished;
    }
}
