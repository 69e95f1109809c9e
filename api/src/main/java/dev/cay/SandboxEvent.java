package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.OptionalInt;

/**
 * Something that happened to a sandbox.
 *
 * @param time when
 * @param id which one
 * @param name what it is called, its id if it has no name
 * @param kind what happened
 * @param execution the number of the command that it happened to; empty if it happened to the sandbox
 * @param detail more about it in words, such as how a command ended; may be empty
 */
public record SandboxEvent(Instant time, String id, String name, Kind kind, OptionalInt execution, String detail) {
    /** What can happen. */
    public enum Kind {
        CREATED("created"),
        STARTED("started"),
        EXITED("exited"),
        STOPPED("stopped"),
        /** All that runs in it stands still. */
        PAUSED("paused"),
        RESUMED("resumed"),
        DIED("died"),
        REMOVED("removed"),
        /** A connection, or a question for a name, that its policy does not allow; {@link Networks#denied} tells more. */
        DENIED("denied");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        /** The stable name of this kind in machine-readable output. */
        public String text() {
            return text;
        }
    }

    public SandboxEvent {
        requireNonNull(time, "time is null");
        requireNonNull(id, "id is null");
        requireNonNull(name, "name is null");
        requireNonNull(kind, "kind is null");
        requireNonNull(execution, "execution is null");
        requireNonNull(detail, "detail is null");
    }
}
