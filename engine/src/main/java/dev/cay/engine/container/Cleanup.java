package dev.cay.engine.container;

import java.util.ArrayDeque;
import java.util.Deque;

/** What has to be undone, last things first. Every effect pushes its undo; each undo runs once. Not thread-safe. */
final class Cleanup implements AutoCloseable {
    private final Deque<AutoCloseable> undos = new ArrayDeque<>();

    /** Pushes the closing of something and returns it. */
    <T extends AutoCloseable> T push(T undo) {
        undos.push(undo);
        return undo;
    }

    /** Hands all undos over to another owner. */
    Cleanup release() {
        Cleanup other = new Cleanup();
        other.undos.addAll(undos);
        undos.clear();
        return other;
    }

    /** Undoes everything, whatever fails on the way; the first failure is thrown, the others are suppressed in it. */
    @Override
    public void close() {
        RuntimeException first = null;
        while (!undos.isEmpty()) {
            try {
                undos.pop().close();
            } catch (Exception e) {
                RuntimeException failure =
                        e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
                if (first == null) {
                    first = failure;
                } else {
                    first.addSuppressed(failure);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
