package dev.cay.linux;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

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
        Future<T> future = threads.submit(call::run);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw rethrown(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static SyscallException rethrown(Throwable cause) {
        switch (cause) {
            case SyscallException e -> {
                return e;
            }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(cause);
        }
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
