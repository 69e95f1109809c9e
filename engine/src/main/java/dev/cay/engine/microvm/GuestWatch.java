package dev.cay.engine.microvm;

import dev.cay.MachineInfo.Health;
import dev.cay.linux.SyscallException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Asks a guest again and again whether it is there, by which the guest learns that its host is, too. Thread-safe. It has a thread of
 * its own, a virtual one.
 */
final class GuestWatch implements AutoCloseable {
    /** How long after an answer it asks again. */
    static final Duration INTERVAL = Duration.ofSeconds(5);

    /** The same if it could not even ask. */
    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** From then on an answer is late: a guest that is emulated on a busy machine takes some milliseconds. */
    static final Duration SLOW = Duration.ofSeconds(2);

    /** From then on it is not expected any more. */
    static final Duration HUNG = Duration.ofSeconds(30);

    /** A guest that hears nothing for so long takes its host for dead, and switches itself off. */
    static final Duration ALONE = Duration.ofSeconds(60);

    private final Question question;
    private final Runnable onHung;
    private final LongSupplier clock;
    private final Thread thread;
    private volatile boolean closed;
    private volatile boolean gone;
    private volatile boolean resting;

    /** When the question was asked that has not been answered; {@link #ANSWERED} if there is none. */
    private final AtomicLong asked = new AtomicLong(ANSWERED);

    private static final long ANSWERED = Long.MIN_VALUE;

    /** Whether the guest has answered before a deadline, a value of {@link System#nanoTime}. */
    @FunctionalInterface
    interface Question {
        boolean isAnswered(long deadline) throws SyscallException;
    }

    /** @param onHung is run when it is found hung, and again each time when it still is */
    GuestWatch(String id, Question question, Runnable onHung) {
        this(id, question, onHung, System::nanoTime);
    }

    GuestWatch(String id, Question question, Runnable onHung, LongSupplier clock) {
        this.question = question;
        this.onHung = onHung;
        this.clock = clock;
        thread = Thread.ofVirtual().name("cay-guest-" + id).unstarted(this::watch);
    }

    void start() {
        thread.start();
    }

    private void watch() {
        try {
            while (!closed) {
                asked.set(clock.getAsLong());
                boolean answered = false;
                while (!closed && !answered) { // the first question counts, the others are asked in case it got lost
                    answered = ask();
                    if (!answered && health() == Health.HUNG) {
                        onHung.run();
                    }
                }
                asked.set(ANSWERED);
                if (!closed) {
                    LockSupport.parkNanos(this, INTERVAL.toNanos());
                }
            }
        } catch (SyscallException e) {
            gone = true;
        }
    }

    /**
     * A process that has no descriptor left cannot wait for an answer. It asks again when it may have one: a guest that hears nothing any more
     * switches itself off.
     */
    private boolean ask() throws SyscallException {
        try {
            return question.isAnswered(System.nanoTime() + HUNG.toNanos());
        } catch (IllegalStateException e) {
            LockSupport.parkNanos(this, AGAIN.toNanos());
            return false;
        }
    }

    Health health() {
        long since = asked.get();
        if (gone) {
            return Health.GONE;
        }
        long waited = since == ANSWERED || resting ? 0 : clock.getAsLong() - since;
        if (waited < SLOW.toNanos()) {
            return Health.HEALTHY;
        }
        return waited < HUNG.toNanos() ? Health.SLOW : Health.HUNG;
    }

    /**
     * It is not expected to answer, or it is again: the time until then does not count.
     *
     * @param still whether its machine stands still
     */
    void rest(boolean still) {
        long since = asked.get();
        if (since != ANSWERED) {
            asked.compareAndSet(since, clock.getAsLong());
        }
        resting = still;
    }

    /** Asks no more; who ends the session ends a question that is still open. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
