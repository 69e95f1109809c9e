package dev.cay.cli;

import java.io.IOException;

/** What we wrote for the caller could not be written. */
final class OutputFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final boolean brokenPipe;

    OutputFailure(String stream, boolean brokenPipe, IOException cause) {
        super("cannot write to " + stream + ": " + cause.getMessage(), cause);
        this.brokenPipe = brokenPipe;
    }

    /** Whether the reader has gone, as in {@code cay run -- yes | head -1}; this is no failure of anybody. */
    boolean brokenPipe() {
        return brokenPipe;
    }
}
