package dev.cay.cli;

import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.Usage;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/**
 * The result of {@code cay run} for a program to read.
 *
 * @param id the name the sandbox had
 * @param exit how the command ended
 * @param stdout what it wrote to standard output
 * @param stderr what it wrote to standard error
 * @param duration how long it ran
 * @param commandUsage what the command used, where that is known
 * @param usage what the sandbox used, where accounts are kept
 */
record RunResult(
        String id,
        Exit exit,
        Capture stdout,
        Capture stderr,
        Duration duration,
        Optional<ExecutionUsage> commandUsage,
        Optional<Usage> usage) {
    private static final int BUFFER = 64 * 1024;

    void writeTo(Streams streams) {
        try {
            OutputStream out = new BufferedOutputStream(streams.out(), BUFFER);
            Json json = new Json(out).begin().field("id", id);
            InfoJson.writeExit(json, exit);
            stdout.writeTo(json, "stdout");
            stderr.writeTo(json, "stderr");
            json.field("truncated", stdout.truncated() || stderr.truncated()).field("duration_ms", duration.toMillis());
            if (commandUsage.isPresent()) {
                InfoJson.writeUsage(json, "command_usage", commandUsage.get());
            }
            if (usage.isPresent()) {
                InfoJson.writeUsage(json, usage.get());
            }
            json.end();
            out.write('\n');
            out.flush();
        } catch (IOException e) {
            throw streams.failure(Streams.OUT, e);
        }
    }
}
