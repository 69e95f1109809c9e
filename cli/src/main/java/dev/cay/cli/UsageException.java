package dev.cay.cli;

import static java.util.Objects.requireNonNull;

/** The command line cannot be understood. Nothing was done. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** The stable name of this kind of failure, beside those of {@link dev.cay.SandboxException}. */
    static final String CODE = "usage";

    private final String hint;

    UsageException(String message, String hint) {
        super(requireNonNull(message, "message is null"));
        this.hint = requireNonNull(hint, "hint is null");
    }

    String hint() {
        return hint;
    }
}
