package dev.cay.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** A clock that goes forward while somebody waits, and only then. */
final class FakeTime implements Time {
    final List<Duration> pauses = new ArrayList<>();
    Instant start = FakeSandbox.CREATED.plusSeconds(125);
    private Duration passed = Duration.ZERO;
    Runnable onPause = () -> {};

    @Override
    public Instant now() {
        return start.plus(passed);
    }

    @Override
    public long nanos() {
        return passed.toNanos();
    }

    @Override
    public void pause(Duration duration) {
        pauses.add(duration);
        passed = passed.plus(duration);
        onPause.run();
    }
}
