package dev.cay.cli;

/** Exit codes of {@code cay} that are not those of a command. */
final class ExitCode {
    static final int SUCCESS = 0;
    /** Some of what was asked for could not be done, or is not as it should be. */
    static final int PARTIAL = 1;
    /** Cay itself has failed, or was called wrongly. */
    static final int FAILURE = 125;
    /** What a shell reports of a program that wrote into a pipe without a reader: 128 + SIGPIPE. */
    static final int BROKEN_PIPE = 141;

    private ExitCode() {}
}
