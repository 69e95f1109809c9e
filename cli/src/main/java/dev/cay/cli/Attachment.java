package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.SandboxSpec;
import java.time.Duration;
import java.util.Optional;

/** Connects the caller with a command that one can leave without ending it. */
final class Attachment {
    private final Execution execution;
    private final Context context;
    private final Ending ending = new Ending();
    private final Optional<Pump.Input> input;
    private final Pump.Output output;
    private final Pump.Output errors;

    /**
     * How one is connected with a command.
     *
     * @param input whether it gets to read what the caller's standard input has
     * @param keys whether ctrl-p ctrl-q leave it
     * @param owned whether it is killed when nobody listens to it any more; otherwise it is left
     */
    record Manner(boolean input, boolean keys, boolean owned) {}

    Attachment(Execution execution, Manner manner, Context context) {
        this.execution = execution;
        this.context = context;
        Streams streams = context.streams();
        Pump.Abandonment abandonment = manner.owned() ? new Relay.Kill(execution) : ending;
        output = new Pump.Output("cay-stdout", execution.stdout(), streams.out(), abandonment);
        errors = new Pump.Output("cay-stderr", execution.stderr(), streams.err(), abandonment);
        if (!manner.input()) {
            input = Optional.empty();
        } else if (manner.keys()) {
            input = Optional.of(new Pump.Input(new DetachKeys(streams.in(), ending), execution));
        } else {
            input = Optional.of(new Pump.Input(streams.in(), execution));
        }
    }

    /** Leaves a command when a signal ends this process. */
    record Leave(Execution execution) implements EngineGuard.Undo {
        @Override
        public void undo() {
            execution.detach();
        }
    }

    /** Kills a command when a signal ends this process. */
    record Close(Execution execution) implements EngineGuard.Undo {
        @Override
        public void undo() {
            execution.close();
        }
    }

    /** Waits for its end; empty if it was left. */
    Optional<Relay.Outcome> run() {
        long start = context.time().nanos();
        output.start();
        errors.start();
        if (input.isPresent()) {
            input.get().start();
        }
        ending.watch(execution);
        Optional<Exit> exit = ending.await();
        if (exit.isPresent()) {
            Duration duration = Duration.ofNanos(context.time().nanos() - start);
            return Optional.of(Relay.outcome(exit.get(), duration, output, errors));
        }
        execution.detach();
        // Whoever could not write has told the ending, so what it has noted before is to be seen here.
        if (output.writeFailure().isPresent() && !context.engine().stopping()) {
            throw context.streams().failure(Streams.OUT, output.writeFailure().get());
        }
        if (errors.writeFailure().isPresent() && !context.engine().stopping()) {
            throw context.streams().failure(Streams.ERR, errors.writeFailure().get());
        }
        return Optional.empty();
    }

    /** Says how it went, when the terminal is what it was before, and returns the exit code. */
    static int report(Optional<Relay.Outcome> outcome, SandboxSpec sandbox, ExecSpec command, Context context) {
        if (outcome.isEmpty()) {
            context.streams().say("\ncay: left the command; it goes on, 'cay attach' takes it up again\n");
            return ExitCode.SUCCESS;
        }
        outcome.get().check(context);
        return report(outcome.get().exit(), sandbox, command, context);
    }

    /** Says how a command ended, where that needs words, and returns the exit code. */
    static int report(Exit exit, SandboxSpec sandbox, ExecSpec command, Context context) {
        Optional<Problem> problem = ExitReport.of(exit, sandbox, command);
        if (problem.isPresent() && !context.engine().stopping()) {
            context.streams().say(problem.get().text());
        }
        return exit.shellCode();
    }
}
