package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/**
 * What a captured command did.
 *
 * @param exit how it ended
 * @param stdoutBytes what it wrote to standard output, up to {@link ExecSpec#outputLimit()}; do not modify
 * @param stderrBytes what it wrote to standard error, up to {@link ExecSpec#outputLimit()}; do not modify
 * @param truncated whether it wrote more than that; the rest was read and dropped
 * @param duration from the start of the command to its end
 * @param usage what it used, if {@link ExecSpec#accounted} asked for it and {@link Execution#usage} knows
 */
public record ExecResult(
        Exit exit,
        byte[] stdoutBytes,
        byte[] stderrBytes,
        boolean truncated,
        Duration duration,
        Optional<ExecutionUsage> usage) {
    public ExecResult {
        requireNonNull(exit, "exit is null");
        requireNonNull(stdoutBytes, "stdoutBytes is null");
        requireNonNull(stderrBytes, "stderrBytes is null");
        requireNonNull(duration, "duration is null");
        requireNonNull(usage, "usage is null");
    }

    /** Standard output as UTF-8; bytes that are not UTF-8 are replaced. */
    public String stdout() {
        return new String(stdoutBytes, StandardCharsets.UTF_8);
    }

    /** Standard error as UTF-8; bytes that are not UTF-8 are replaced. */
    public String stderr() {
        return new String(stderrBytes, StandardCharsets.UTF_8);
    }
}
