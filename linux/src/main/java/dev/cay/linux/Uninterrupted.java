package dev.cay.linux;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waits for what another thread does with a system call; an interrupt of the waiting one is kept for later. */
public final class Uninterrupted {
    private Uninterrupted() {}

    /**
     * What comes of it.
     *
     * @throws SyscallException if it failed so; what else it threw is thrown as it is
     */
    public static <T> T get(Future<T> future) throws SyscallException {
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
}
