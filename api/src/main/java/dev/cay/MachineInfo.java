package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * What is known of the machine of a microVM.
 *
 * @param emulated whether its instructions are translated by a program, which takes several times as long as a processor
 * @param template the template that it began with; empty if it booted
 * @param answered how long after its start its first process answered
 * @param health how its guest does
 */
public record MachineInfo(boolean emulated, Optional<String> template, Duration answered, Health health) {
    public MachineInfo {
        requireNonNull(template, "template is null");
        requireNonNull(answered, "answered is null");
        requireNonNull(health, "health is null");
    }

    /** How a guest does, which is asked every five seconds. */
    public enum Health {
        /** It answers, or is paused. */
        HEALTHY("healthy"),
        /** It has not answered for two seconds. */
        SLOW("slow"),
        /** It has not answered for half a minute, though its machine runs. */
        HUNG("hung"),
        /** Its machine has ended. */
        GONE("gone");

        private final String text;

        Health(String text) {
            this.text = text;
        }

        /** The stable name in machine-readable output. */
        public String text() {
            return text;
        }
    }
}
