package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.SandboxException;
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
            Optional<IOException> readFailure) {
        /** A result is not one if not all of the output has arrived, unless it is us who are being ended. */
        void check(Context context) {
            if (context.engine().stopping()) {
                return;
            }
            Streams streams = context.streams();
            if (outFailure.isPresent()) {
                throw streams.failure(Streams.OUT, outFailure.get());
            }
            if (errFailure.isPresent()) {
                throw streams.failure(Streams.ERR, errFailure.get());
            }
            if (readFailure.isPresent()) {
                IOException failure = readFailure.get();
                throw new SandboxException.HostFailed(
                        "cannot read what the command writes: " + failure.getMessage(), "", failure);
            }
        }
    }

    Relay(Execution execution, InputStream in, OutputStream out, OutputStream err) {
        this.execution = execution;
        input = new Pump.Input(in, execution);
        Pump.Abandonment kill = new Kill(execution);
        output = new Pump.Output("cay-stdout", execution.stdout(), out, kill);
        errors = new Pump.Output("cay-stderr", execution.stderr(), err, kill);
    }

    /** A command that nobody listens to has no purpose any more. */
    record Kill(Execution execution) implements Pump.Abandonment {
        @Override
        public void abandon() {
            execution.kill();
        }
    }

    /** The pump of the input is left to itself: it may be waiting for a person who has no reason to type any more. */
    Outcome run() {
        long start = System.nanoTime();
        output.start();
        errors.start();
        input.start();
        Exit exit = execution.await();
        return outcome(exit, Duration.ofNanos(System.nanoTime() - start), output, errors);
    }

    /** Waits until all of the output has been passed on. */
    static Outcome outcome(Exit exit, Duration duration, Pump.Output output, Pump.Output errors) {
        output.await();
        errors.await();
        Optional<IOException> readFailure =
                output.readFailure().isPresent() ? output.readFailure() : errors.readFailure();
        return new Outcome(exit, duration, output.writeFailure(), errors.writeFailure(), readFailure);
    }
}
