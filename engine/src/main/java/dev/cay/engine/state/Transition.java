package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import java.util.List;

/** What an {@link Event} means for a sandbox. */
public sealed interface Transition {
    /**
     * It is now so, and this has to be done. What is now so is written down first: whoever dies while doing it leaves to others
     * what they need to know.
     */
    record Moved(Life life, List<Effect> effects) implements Transition {
        public Moved {
            requireNonNull(life, "life is null");
            effects = List.copyOf(effects);
        }
    }

    /** It cannot be; nothing changes. */
    record Refused(String message, String hint) implements Transition {
        public Refused {
            requireNonNull(message, "message is null");
            requireNonNull(hint, "hint is null");
        }
    }
}
