package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.MachineInfo.Health;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.OpList;
import dev.cay.linux.RecordingKernel;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class GuestWatchTest {
    private final SynchronousQueue<Boolean> answers = new SynchronousQueue<>();
    private final AtomicInteger asked = new AtomicInteger();
    private final AtomicInteger hung = new AtomicInteger();
    private final AtomicLong now = new AtomicLong(5_000_000_000L);

    private boolean ask(long deadline) {
        asked.incrementAndGet();
        try {
            return answers.take();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void awaitQuestion(int number) {
        while (asked.get() < number) {
            Thread.onSpinWait();
        }
    }

    @Test
    void howLongAnAnswerIsMissingTellsHowItDoes() throws InterruptedException {
        try (GuestWatch watch = new GuestWatch("x", this::ask, hung::incrementAndGet, now::get)) {
            assertThat(watch.health()).as("nobody has asked").isEqualTo(Health.HEALTHY);
            watch.start();
            awaitQuestion(1);
            assertThat(watch.health()).isEqualTo(Health.HEALTHY);
            now.addAndGet(GuestWatch.SLOW.toNanos());
            assertThat(watch.health()).isEqualTo(Health.SLOW);
            now.addAndGet(GuestWatch.HUNG.minus(GuestWatch.SLOW).toNanos());
            assertThat(watch.health()).isEqualTo(Health.HUNG);

            answers.put(false); // its time is over; it is asked once more, and that changes nothing
            awaitQuestion(2);
            assertThat(watch.health()).isEqualTo(Health.HUNG);
            assertThat(hung).hasValue(1);
            watch.rest(true);
            assertThat(watch.health()).as("it stands still").isEqualTo(Health.HEALTHY);
            answers.put(false);
            awaitQuestion(3);
            assertThat(hung).as("nobody expects an answer").hasValue(1);
            watch.rest(false);
            assertThat(watch.health()).as("it has only just gone on").isEqualTo(Health.HEALTHY);
            now.addAndGet(GuestWatch.HUNG.toNanos());
            assertThat(watch.health()).isEqualTo(Health.HUNG);
            answers.put(true);
            while (watch.health() != Health.HEALTHY) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void whoCannotAskForAMomentAsksAgain() {
        GuestWatch watch = new GuestWatch(
                "x",
                _ -> {
                    if (asked.incrementAndGet() == 1) {
                        throw new IllegalStateException("epoll: EMFILE");
                    }
                    return true;
                },
                hung::incrementAndGet,
                now::get);
        watch.start();
        awaitQuestion(2);
        assertThat(watch.health()).isEqualTo(Health.HEALTHY);
        assertThat(hung).hasValue(0);
        watch.close();
    }

    @Test
    void theEndOfTheChannelIsItsEnd() {
        GuestWatch watch = new GuestWatch(
                "x",
                _ -> {
                    new RecordingKernel().fail(0, Errno.EPIPE).run(OpList.of(FileOps.chdir("/")));
                    return true;
                },
                hung::incrementAndGet,
                now::get);
        watch.start();
        while (watch.health() != Health.GONE) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aGuestHearsFromItsHostOftenerThanItsPatienceEnds() {
        assertThat(GuestWatch.INTERVAL.plus(GuestWatch.HUNG)).isLessThan(GuestWatch.ALONE);
    }
}
