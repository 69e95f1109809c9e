package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * A step by which a microVM came up.
 *
 * @param name what it was about
 * @param at when it was over, since the guest's kernel began
 * @param took how long it took
 * @param warning why it could not be done, if it could not and the guest does without
 */
public record BootStep(String name, Duration at, Duration took, Optional<String> warning) {
    public BootStep {
        requireNonNull(name, "name is null");
        requireNonNull(at, "at is null");
        requireNonNull(took, "took is null");
        requireNonNull(warning, "warning is null");
    }
}
