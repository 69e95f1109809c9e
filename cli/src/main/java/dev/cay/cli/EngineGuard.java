package dev.cay.cli;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import dev.cay.spi.ProcessEnd;
import java.util.ArrayList;
import java.util.List;
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
    private final List<Held> held = new ArrayList<>();
    private Optional<Sandboxes> engine = Optional.empty();
    private boolean stopping;
    private boolean finished;

    /** Something that has to be undone before this process ends, such as a terminal in raw mode. */
    interface Undo {
        void undo();
    }

    /** Something held; closing it lets go of it, without undoing it. */
    final class Held implements AutoCloseable {
        private final Undo undo;

        private Held(Undo undo) {
            this.undo = undo;
        }

        @Override
        public void close() {
            forget(this);
        }
    }

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

    /** Holds something until it is closed. If a signal comes before that, it is undone, what was held first at first. */
    Held hold(Undo undo) {
        Held one = new Held(undo);
        if (!keep(one)) {
            undo.undo();
        }
        return one;
    }

    private synchronized boolean keep(Held one) {
        if (stopping) {
            return false;
        }
        held.add(one);
        return true;
    }

    private synchronized void forget(Held one) {
        held.remove(one);
    }

    /** Undoes what is held and ends every sandbox, because this process is about to end. */
    void stop() {
        List<Held> undone = markStopping();
        for (Held one : undone) {
            try {
                one.undo.undo();
            } catch (RuntimeException e) {
                // Nobody is left to be told, and the others have to be undone all the same.
                continue;
            }
        }
        Optional<Sandboxes> open = toClose();
        if (open.isPresent()) {
            open.get().close();
        }
    }

    private synchronized List<Held> markStopping() {
        if (finished) {
            return List.of();
        }
        stopping = true;
        return List.copyOf(held);
    }

    private synchronized Optional<Sandboxes> toClose() {
        return stopping ? engine : Optional.empty();
    }

    /** Whether {@link #stop} has been called: then nothing that fails is worth a word. */
    synchronized boolean stopping() {
        return stopping;
    }

    /** Ends this process. An orderly exit would first start the logging framework, to log the exit: 20 ms. */
    void leave(int code) {
        if (last() instanceof ProcessEnd end) {
            end.endProcess(code); // whose threads may wait in the kernel, which the JVM's own end would wait for
        }
        Runtime.getRuntime().halt(code);
    }

    private synchronized Object last() {
        return engine.isPresent() ? engine.get() : this;
    }

    /** Marks the command as finished; false if {@link #stop} came first. */
    synchronized boolean finish() {
        finished = !stopping;
        return finished;
    }
}
