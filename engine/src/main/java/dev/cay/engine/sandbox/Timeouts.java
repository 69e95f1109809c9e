package dev.cay.engine.sandbox;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Does things later, on a thread that is started when first needed. Thread-safe. */
final class Timeouts implements AutoCloseable {
    private static final Duration ROUND = Duration.ofSeconds(1);

    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().name("cay-timeouts").daemon().factory());

    private final Set<Guard> guards = ConcurrentHashMap.newKeySet();

    /** Whether there will be a round that looks at the guards. */
    private final AtomicBoolean watching = new AtomicBoolean();

    private volatile boolean guarded;

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

    /** Something that will be done unless it is cancelled, which is what mostly happens to it. */
    final class Guard {
        private final long deadline;
        private final Runnable action;
        private final AtomicBoolean over = new AtomicBoolean();

        private Guard(long deadline, Runnable action) {
            this.deadline = deadline;
            this.action = action;
        }

        /** Whether it is not done, nor will be. */
        boolean cancel() {
            guards.remove(this);
            return over.compareAndSet(false, true);
        }

        private void look(long now) {
            if (deadline - now <= 0 && cancel()) {
                timer.execute(action);
            }
        }
    }

    /**
     * The same for what will most likely be cancelled at once: up to a second late, but the thread is not woken for each. It looks at
     * all of them once in a second while there are any.
     */
    Guard guard(Duration delay, Runnable action) {
        Guard guard = new Guard(System.nanoTime() + delay.toNanos(), action);
        guards.add(guard);
        guarded = true;
        watch();
        return guard;
    }

    private void watch() {
        if (!watching.get() && watching.compareAndSet(false, true)) {
            after(ROUND, this::look);
        }
    }

    private void look() {
        guarded = false;
        long now = System.nanoTime();
        guards.forEach(guard -> guard.look(now));
        watching.set(false);
        if (guarded || !guards.isEmpty()) { // a guard that came since has found somebody watching
            watch();
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
