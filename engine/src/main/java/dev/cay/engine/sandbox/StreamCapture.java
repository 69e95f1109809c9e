package dev.cay.engine.sandbox;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.FutureTask;

/** Runs a command to its end by its streams, each on a thread of its own. */
final class StreamCapture {
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final InputStream stream;
    private final long limit;
    private boolean truncated;

    private StreamCapture(InputStream stream, long limit) {
        this.stream = stream;
        this.limit = limit;
    }

    static ExecResult run(Execution execution, ExecSpec command) {
        long began = System.nanoTime();
        StreamCapture stdout =
                new StreamCapture(execution.stdout(), command.outputLimit().bytes());
        StreamCapture stderr =
                new StreamCapture(execution.stderr(), command.outputLimit().bytes());
        Thread feeder = Thread.startVirtualThread(() -> feed(execution.stdin(), command.stdin()));
        FutureTask<Void> other = new FutureTask<>(stderr::read, null);
        Thread.startVirtualThread(other);
        try {
            stdout.read();
            join(other);
            Exit exit = execution.await();
            return new ExecResult(
                    exit,
                    stdout.kept.toByteArray(),
                    stderr.kept.toByteArray(),
                    stdout.truncated || stderr.truncated,
                    Duration.ofNanos(System.nanoTime() - began),
                    command.accounted() ? execution.usage() : Optional.empty());
        } finally {
            feeder.interrupt();
        }
    }

    private static void feed(OutputStream stdin, byte[] input) {
        try (stdin) {
            stdin.write(input);
        } catch (IOException e) {
            // what a command does not read is no failure
        }
    }

    private void read() {
        byte[] buffer = new byte[32 * 1024];
        try {
            for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                int room = (int) Math.min(count, limit - kept.size());
                kept.write(buffer, 0, room);
                truncated |= room < count;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void join(FutureTask<Void> task) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    task.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (java.util.concurrent.ExecutionException e) {
                    throw e.getCause() instanceof RuntimeException failure
                            ? failure
                            : new IllegalStateException(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
