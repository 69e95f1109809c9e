package dev.cay.engine.sandbox;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Does things later, on a thread that is started when first needed. */
final class Timeouts implements AutoCloseable {
    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().name("cay-timeouts").daemon().factory());

    Timeouts() {
        timer.setRemoveOnCancelPolicy(true);
    }

    /** Something that will be done. */
    record Timeout(Future<?> task) {
        /** Whether it is not done, nor will be. */
        boolean cancel() {
            return task.cancel(false);
        }
    }

    Timeout after(Duration delay, Runnable action) {
        return new Timeout(timer.schedule(action, delay.toNanos(), TimeUnit.NANOSECONDS));
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
