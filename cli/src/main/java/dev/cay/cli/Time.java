package dev.cay.cli;

import java.time.Duration;
import java.time.Instant;

/** The clock, and how to wait. */
interface Time {
    Instant now();

    /** A clock that only ever goes forward, in nanoseconds. */
    long nanos();

    void pause(Duration duration);

    /** That of this process. */
    final class OfProcess implements Time {
        @Override
        public Instant now() {
            return Instant.now();
        }

        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public void pause(Duration duration) {
            try {
                Thread.sleep(duration);
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts the thread of a command", e);
            }
        }
    }
}
