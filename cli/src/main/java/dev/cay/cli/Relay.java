package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.Exit;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/** Connects the three streams of a command with those of the caller, and waits for its end. */
final class Relay {
    private final Execution execution;
    private final Pump.Input input;
    private final Pump.Output output;
    private final Pump.Output errors;

    /**
     * What has happened.
     *
     * @param exit how the command ended
     * @param duration from its start to its end
     * @param outFailure why its standard output could not be passed on
     * @param errFailure why its standard error could not be passed on
     * @param readFailure why either could not be read to its end
     */
    record Outcome(
            Exit exit,
            Duration duration,
            Optional<IOException> outFailure,
            Optional<IOException> errFailure,
            Optional<IOException> readFailure) {}

    Relay(Execution execution, InputStream in, OutputStream out, OutputStream err) {
        this.execution = execution;
        input = new Pump.Input(in, execution);
        output = new Pump.Output("cay-stdout", execution.stdout(), out, execution);
        errors = new Pump.Output("cay-stderr", execution.stderr(), err, execution);
    }

    /** The pump of the input is left to itself: it may be waiting for a person who has no reason to type any more. */
    Outcome run() {
        long start = System.nanoTime();
        output.start();
        errors.start();
        input.start();
        Exit exit = execution.await();
        Duration duration = Duration.ofNanos(System.nanoTime() - start);
        output.await();
        errors.await();
        Optional<IOException> readFailure =
                output.readFailure().isPresent() ? output.readFailure() : errors.readFailure();
        return new Outcome(exit, duration, output.writeFailure(), errors.writeFailure(), readFailure);
    }
}
