package dev.cay.engine.microvm;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How a guest came up.
 *
 * @param steps in the order in which they were taken
 */
public record BootReport(List<Entry> steps) {
    public BootReport {
        steps = List.copyOf(steps);
    }

    /**
     * A step that was taken.
     *
     * @param step its name
     * @param at when it was over, since the guest's kernel began
     * @param took how long it took
     * @param warning why it could not be done, if it could not and is not required
     */
    public record Entry(String step, Duration at, Duration took, Optional<String> warning) {}

    /** What could not be done, a line for each. */
    public List<String> warnings() {
        return steps.stream()
                .flatMap(entry -> entry.warning().map(why -> entry.step() + ": " + why).stream())
                .toList();
    }
}
