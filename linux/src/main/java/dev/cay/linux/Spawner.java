package dev.cay.linux;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Platform threads that make processes for virtual threads, which must not hold their carrier for a millisecond. Their number
 * has no bound of its own: a process that is slow to be born must not hold up others.
 */
final class Spawner implements AutoCloseable {
    private final ExecutorService threads = Executors.newCachedThreadPool(
            Thread.ofPlatform().name("cay-spawner-", 0).daemon().factory());

    /** A call that may fail as system calls do. */
    interface Call<T> {
        T run() throws SyscallException;
    }

    /** Runs a call on one of the threads; an interrupt of the caller waits until it is done. */
    <T> T call(Call<T> call) throws SyscallException {
        return Uninterrupted.get(threads.submit(call::run));
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
