package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * What is known of the machine of a microVM.
 *
 * @param emulated whether its instructions are translated by a program, which takes several times as long as a processor
 * @param began how it began
 * @param template the template, snapshot or microVM that it began with; empty if it booted
 * @param answered how long after its start its first process answered
 * @param files who gives it the directories and files of this machine; empty if it has none
 * @param health how its guest does
 */
public record MachineInfo(
        boolean emulated,
        Beginning began,
        Optional<String> template,
        Duration answered,
        Optional<Files> files,
        Health health) {
    public MachineInfo {
        requireNonNull(began, "began is null");
        requireNonNull(template, "template is null");
        requireNonNull(files, "files is null");
        requireNonNull(answered, "answered is null");
        requireNonNull(health, "health is null");
    }

    /** How a machine can begin. */
    public enum Beginning {
        /** Its kernel has booted. */
        BOOT("boot"),
        /** As a clone of a template, by a VMM of its own. */
        TEMPLATE("template"),
        /** As a clone of a template, by a VMM that had read that before anybody asked for a clone. */
        SPARE("spare"),
        /** Where another machine was. */
        COPY("copy");

        private final String text;

        Beginning(String text) {
            this.text = text;
        }

        /** The stable name in machine-readable output. */
        public String text() {
            return text;
        }
    }

    /** Who gives a guest directories and files of this machine. */
    public enum Files {
        /** Programs that work in its memory: virtiofsd(1). */
        VIRTIOFSD("virtiofsd"),
        /** A process of ours, by a channel to its first process, which is slower: that which made it, or one that stays behind. */
        RELAY("relay");

        private final String text;

        Files(String text) {
            this.text = text;
        }

        /** The stable name in machine-readable output. */
        public String text() {
            return text;
        }
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
