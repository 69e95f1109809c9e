package dev.cay.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Takes the times of cases in rounds: each case once in a round, in an order that changes, so that whatever else the machine
 * does meets all of them alike and none is always the one after a certain other.
 *
 * <p>Before each there is a pause: what the one before has left to the kernel, or to a thread of ours, is done at
 * nobody's expense. Our engine begins 5 ms after a sandbox was taken to make the parts of the next one, and needs some 5 ms
 * for it. The pause is spent awake, because a processor that has slept is slow for a while.
 */
final class Rounds {
    private static final Duration PAUSE = Duration.ofMillis(15);

    /** The last rounds before the measured ones are like these; those before go without pauses, to have the JIT compiler done. */
    private static final int WARMED_WITH_PAUSES = 50;

    private static final long SEED = 20_251_122;

    private final Report report;
    private final Random random = new Random(SEED);
    private final Duration longest;
    private final long deadline;

    /**
     * @param longest how long all rounds together may take: a slow machine gets fewer of them
     */
    Rounds(Report report, Duration longest) {
        this.report = report;
        this.longest = longest;
        deadline = System.nanoTime() + longest.toNanos();
    }

    /**
     * Runs the cases and reports their times in the order in which they are given.
     */
    void run(List<Case> cases, int warmup, int n) {
        List<Case> running = new ArrayList<>(cases);
        Map<String, List<Long>> times = new LinkedHashMap<>();
        cases.forEach(one -> times.put(one.name(), new ArrayList<>(n)));
        for (int round = -warmup; round < n && System.nanoTime() < deadline; round++) {
            Collections.shuffle(running, random);
            int left = -round;
            for (Case one : List.copyOf(running)) {
                if (left <= one.warm()) {
                    measure(one, left, left > 0 ? new ArrayList<>() : times.get(one.name()), running);
                }
            }
        }
        if (running.stream().anyMatch(one -> times.get(one.name()).size() < n)) {
            report.note("Stopped after " + longest.toSeconds() + " s: fewer rounds than the " + n + " asked for.");
        }
        for (Case one : cases) {
            List<Long> taken = times.get(one.name());
            if (running.contains(one)) {
                if (taken.isEmpty()) {
                    report.failed(one.name(), "no time was left for it");
                } else {
                    report.row(one.name(), Samples.ofNanoseconds(taken));
                }
            }
        }
    }

    /** A case that fails is reported and is not run again. */
    private void measure(Case one, int left, List<Long> times, List<Case> running) {
        try {
            one.prepare().run();
            if (left <= WARMED_WITH_PAUSES) {
                pause();
            }
            long began = System.nanoTime();
            one.run().run();
            times.add(System.nanoTime() - began);
        } catch (Exception e) {
            running.remove(one);
            report.failed(one.name(), String.valueOf(e.getMessage()));
        }
    }

    private static void pause() {
        long end = System.nanoTime() + PAUSE.toNanos();
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }
}
