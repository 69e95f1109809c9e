package dev.cay.linux;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Platform threads that make processes for virtual threads, which must not hold their carrier for a millisecond, and those that
 * are to die with this process. Their number has no bound of its own: a sandbox that holds one up must not hold up others.
 */
final class Spawner implements AutoCloseable {
    /** Its threads never end before it does: the parent-death signal of a process follows the thread that made it. */
    private final ExecutorService threads = new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            Long.MAX_VALUE,
            TimeUnit.NANOSECONDS,
            new SynchronousQueue<>(),
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
