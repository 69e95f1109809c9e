package dev.cay;

import static java.util.Objects.requireNonNull;

/**
 * What this machine has, or lacks, of what Cay uses.
 *
 * @param subject what was looked at, in a word or two
 * @param verdict whether it will do
 * @param detail what was found
 * @param fix what to do about it; empty if nothing is to be done
 */
public record Finding(String subject, Verdict verdict, String detail, String fix) {
    /** Whether it will do. */
    public enum Verdict {
        GOOD("good"),
        /** Sandboxes can be made, but something of theirs is missing, slower or weaker. */
        LIMITED("limited"),
        /** No sandbox can be made. */
        MISSING("missing");

        private final String text;

        Verdict(String text) {
            this.text = text;
        }

        /** The stable name of this verdict in machine-readable output. */
        public String text() {
            return text;
        }
    }

    public Finding {
        requireNonNull(subject, "subject is null");
        requireNonNull(verdict, "verdict is null");
        requireNonNull(detail, "detail is null");
        requireNonNull(fix, "fix is null");
    }
}
