package dev.cay.cli;

import dev.cay.Exit;
import dev.cay.Usage;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The result of {@code cay run} for a program to read.
 *
 * @param id the name the sandbox had
 * @param exit how the command ended
 * @param stdout what it wrote to standard output
 * @param stderr what it wrote to standard error
 * @param duration how long it ran
 * @param usage what the sandbox used
 */
record RunResult(String id, Exit exit, Capture stdout, Capture stderr, Duration duration, Usage usage) {
    private static final int BUFFER = 64 * 1024;

    void writeTo(Streams streams) {
        try {
            OutputStream out = new BufferedOutputStream(streams.out(), BUFFER);
            Json json = new Json(out).begin().field("id", id);
            writeExit(json);
            stdout.writeTo(json, "stdout");
            stderr.writeTo(json, "stderr");
            json.field("truncated", stdout.truncated() || stderr.truncated()).field("duration_ms", duration.toMillis());
            writeUsage(json);
            json.end();
            out.write('\n');
            out.flush();
        } catch (IOException e) {
            throw streams.failure(Streams.OUT, e);
        }
    }

    private void writeExit(Json json) throws IOException {
        json.begin("exit")
                .field("reason", exit.reason().text())
                .field("code", exit.code())
                .field("signal", exit.signal())
                .field("errno", exit.errno())
                .field("step", exit.step())
                .end();
    }

    private void writeUsage(Json json) throws IOException {
        json.begin("usage")
                .field("cpu_us", TimeUnit.NANOSECONDS.toMicros(usage.cpu().toNanos()))
                .field("memory_bytes", usage.memory().bytes())
                .field("memory_peak_bytes", usage.memoryPeak().bytes())
                .field("processes", usage.processes())
                .field("oom_kills", usage.oomKills());
        if (usage.bytesRead().isPresent()) {
            json.field("bytes_read", usage.bytesRead().get().bytes());
        }
        if (usage.bytesWritten().isPresent()) {
            json.field("bytes_written", usage.bytesWritten().get().bytes());
        }
        json.end();
    }
}
