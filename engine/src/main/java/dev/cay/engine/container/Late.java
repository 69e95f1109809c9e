package dev.cay.engine.container;

import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What is made when it is first needed, and closed if it was: an engine that only enters sandboxes of others does without much.
 * Thread-safe.
 */
final class Late<T> implements AutoCloseable {
    private final Supplier<T> maker;
    private final Consumer<T> closer;
    private final ReentrantLock lock = new ReentrantLock();
    private Optional<T> made = Optional.empty();

    Late(Supplier<T> maker, Consumer<T> closer) {
        this.maker = maker;
        this.closer = closer;
    }

    /** It is made by the first caller; if that fails, the next one tries again. */
    T get() {
        lock.lock();
        try {
            if (made.isEmpty()) {
                made = Optional.of(maker.get());
            }
            return made.get();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            made.ifPresent(closer);
        } finally {
            lock.unlock();
        }
    }
}
