package dev.cay.engine.container;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waits for what must have happened before anything else may. */
final class Uninterruptibly {
    private Uninterruptibly() {}

    /** Waits for the end of a task; an interrupt is kept for later. */
    static void await(Future<?> task) throws ExecutionException {
        boolean interrupted = false;
        while (true) {
            try {
                task.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
