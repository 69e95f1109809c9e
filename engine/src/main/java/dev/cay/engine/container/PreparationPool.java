package dev.cay.engine.container;

import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.Writable;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keeps a few preparations of the kind that was asked for last, made in the background. One of a kind that has been asked
 * for only once is made on the spot and not again, so a process that makes a single sandbox pays for a single one.
 * Thread-safe.
 */
final class PreparationPool implements AutoCloseable {
    /** How many are kept. Each costs about 100 KiB of kernel memory. */
    private static final int SIZE = 4;

    private final Preparation.Maker maker;
    private final Executor background;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Preparation> ready = new ArrayDeque<>();
    private Optional<Kind> kind = Optional.empty();
    private boolean filling;
    private boolean closed;

    /** What a preparation depends on. */
    private record Kind(Root root, Writable writable, Network network, boolean userNamespace) {
        static Kind of(SandboxSpec spec) {
            return new Kind(spec.root(), spec.writable(), spec.network(), spec.userNamespace());
        }

        /** A directory for changes is locked by the one sandbox that uses it. */
        boolean isPoolable() {
            return !(writable instanceof Writable.Directory);
        }
    }

    PreparationPool(Preparation.Maker maker, Executor background) {
        this.maker = maker;
        this.background = background;
    }

    /** Takes one from the pool, or makes it. */
    Preparation take(SandboxSpec spec) throws IOException {
        Kind wanted = Kind.of(spec);
        if (wanted.isPoolable()) {
            Optional<Preparation> pooled = poll(wanted, spec);
            if (pooled.isPresent()) {
                return pooled.get();
            }
        }
        return maker.make(spec);
    }

    private Optional<Preparation> poll(Kind wanted, SandboxSpec spec) {
        lock.lock();
        try {
            if (!kind.equals(Optional.of(wanted))) {
                kind = Optional.of(wanted);
                discard();
                return Optional.empty();
            }
            Optional<Preparation> pooled = Optional.ofNullable(ready.poll());
            refill(wanted, spec);
            return pooled;
        } finally {
            lock.unlock();
        }
    }

    private void discard() {
        Deque<Preparation> old = new ArrayDeque<>(ready);
        ready.clear();
        if (!old.isEmpty()) {
            background.execute(() -> old.forEach(Preparation::close));
        }
    }

    private void refill(Kind wanted, SandboxSpec spec) {
        if (!filling && !closed && ready.size() < SIZE) {
            filling = true;
            try {
                background.execute(() -> fill(wanted, spec));
            } catch (RejectedExecutionException e) {
                filling = false; // the engine is closing
            }
        }
    }

    private void fill(Kind wanted, SandboxSpec spec) {
        boolean more = true;
        while (more) {
            Optional<Preparation> made;
            try {
                made = Optional.of(maker.make(spec));
            } catch (IOException | RuntimeException e) {
                made = Optional.empty(); // whoever asks next meets the same failure himself, and is told
            }
            more = add(wanted, made);
        }
    }

    /** Whether another one is wanted. */
    private boolean add(Kind wanted, Optional<Preparation> made) {
        lock.lock();
        try {
            boolean current = kind.equals(Optional.of(wanted)) && !closed;
            if (made.isPresent() && current) {
                ready.add(made.get());
            }
            filling = made.isPresent() && current && ready.size() < SIZE;
            if (made.isPresent() && !current) {
                made.get().close();
            }
            return filling;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            ready.forEach(Preparation::close);
            ready.clear();
        } finally {
            lock.unlock();
        }
    }
}
