package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class TimeoutsTest {
    private final BlockingQueue<String> done = new LinkedBlockingQueue<>();

    private String next() throws InterruptedException {
        return done.poll(30, TimeUnit.SECONDS);
    }

    @Test
    void thingsAreDoneInTheOrderOfTheirTime() throws InterruptedException {
        try (Timeouts timeouts = new Timeouts()) {
            timeouts.after(Duration.ofMillis(40), () -> done.add("later"));
            timeouts.after(Duration.ZERO, () -> done.add("sooner"));

            assertThat(next()).isEqualTo("sooner");
            assertThat(next()).isEqualTo("later");
        }
    }

    @Test
    void theyAreDoneOnADaemonThreadOfTheirOwn() throws InterruptedException {
        try (Timeouts timeouts = new Timeouts()) {
            timeouts.after(Duration.ZERO, () -> {
                Thread thread = Thread.currentThread();
                done.add(thread.getName() + " " + thread.isDaemon());
            });
            assertThat(next()).isEqualTo("cay-timeouts true");
        }
    }

    @Test
    void whatIsCancelledIsNotDone() throws InterruptedException {
        try (Timeouts timeouts = new Timeouts()) {
            Timeouts.Timeout cancelled = timeouts.after(Duration.ofMillis(20), () -> done.add("cancelled"));
            timeouts.after(Duration.ofMillis(40), () -> done.add("marker"));
            cancelled.cancel();
            cancelled.cancel();

            assertThat(next()).isEqualTo("marker");
            assertThat(cancelled.task().isCancelled()).isTrue();
        }
    }

    @Test
    void aFailureDoesNotKeepTheOthersFromBeingDone() throws InterruptedException {
        try (Timeouts timeouts = new Timeouts()) {
            timeouts.after(Duration.ZERO, () -> {
                throw new IllegalStateException("the first");
            });
            timeouts.after(Duration.ofMillis(1), () -> done.add("the second"));
            assertThat(next()).isEqualTo("the second");
        }
    }

    @Test
    void aGuardIsDoneOnceUnlessItIsCancelled() throws InterruptedException {
        try (Timeouts timeouts = new Timeouts()) {
            Timeouts.Guard cancelled = timeouts.guard(Duration.ZERO, () -> done.add("cancelled"));
            assertThat(cancelled.cancel()).isTrue();
            assertThat(cancelled.cancel()).isFalse();
            timeouts.guard(Duration.ZERO, () -> {
                throw new IllegalStateException("a failure");
            });
            Timeouts.Guard first = timeouts.guard(Duration.ofMillis(1), () -> done.add("first"));
            assertThat(next()).isEqualTo("first");
            assertThat(first.cancel()).isFalse();

            timeouts.guard(Duration.ofMillis(1), () -> done.add("in a later round"));
            assertThat(next()).isEqualTo("in a later round");
            assertThat(done).isEmpty();
        }
    }

    @Test
    void theLongestTimeThatACommandMayHaveIsNoProblem() {
        try (Timeouts timeouts = new Timeouts()) {
            Timeouts.Timeout timeout =
                    timeouts.after(Duration.ofDays(365).plus(Duration.ofHours(1)), () -> done.add("too soon"));
            timeout.cancel();
            assertThat(done).isEmpty();
        }
    }

    @Test
    void nothingIsDoneAfterTheEnd() {
        Timeouts timeouts = new Timeouts();
        Timeouts.Timeout pending = timeouts.after(Duration.ofMillis(20), () -> done.add("pending"));
        timeouts.close();
        timeouts.close();

        assertThatThrownBy(() -> timeouts.after(Duration.ZERO, () -> done.add("late")))
                .isInstanceOf(RejectedExecutionException.class);
        assertThat(pending.task().isDone()).isFalse();
        assertThat(done).isEmpty();
    }
}
