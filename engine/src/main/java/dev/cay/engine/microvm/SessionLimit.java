package dev.cay.engine.microvm;

import dev.cay.linux.Stub;
import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/**
 * Ends a session with a guest's first process at a deadline: lists of a guest that is being brought up are waited for without end, and
 * nobody watches it yet. On a thread of its own, a virtual one. Thread-safe.
 */
final class SessionLimit implements AutoCloseable {
    private final Stub stub;
    private final long deadline;
    private final Thread thread;
    private volatile boolean closed;
    private volatile boolean passed;

    /** @param deadline a value of {@link System#nanoTime} */
    SessionLimit(Stub stub, long deadline) {
        this.stub = stub;
        this.deadline = deadline;
        thread = Thread.ofVirtual().name("cay-boot").start(this::watch);
    }

    private void watch() {
        while (!closed) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                passed = true;
                stub.close(); // whoever waits for it is told
                return;
            }
            LockSupport.parkNanos(this, left);
        }
    }

    /** Why something has failed meanwhile. */
    IOException explained(IOException failure) {
        return passed ? new IOException("the guest does not come up in time", failure) : failure;
    }

    /** It has come up, or will not. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
