package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import dev.cay.Usage;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** {@code cay run}: one command in a sandbox made for it. */
final class RunCommand implements Command {
    @Override
    public String name() {
        return "run";
    }

    @Override
    public String summary() {
        return "Run a command in a sandbox of its own";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] [--] COMMAND [ARGUMENT...]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Makes a sandbox, runs the command in it and removes the sandbox. The command's standard input, output and"
                        + " error are those of cay; to keep it from reading yours, add </dev/null.",
                "The exit code is the command's own, or 128 + N if signal N ended it, 124 after a timeout, 125 if cay itself"
                        + " failed, 126 if the command cannot be run, 127 if there is no such command.");
    }

    @Override
    public OptionSet options() {
        return RunOptions.SET;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("A script, without network and with little of everything", """
                        cay run --memory 256m --cpus 0.5 --pids 64 --timeout 10s \\
                            -- python3 -c 'print(6 * 7)'"""),
                new Example("Files go in and out by standard input and output", """
                        cay run -w /tmp -- sh -c 'cc -x c - && ./a.out' < hello.c"""),
                new Example("Another root file system, whose changes are kept", """
                        cay run --rootfs ./alpine --writable ./changes -- apk --version"""),
                new Example("The result for a program to read", """
                        cay run --format json -- id"""));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        RunRequest request = RunRequest.of(arguments, context.variables());
        return switch (request.format()) {
            case TEXT -> runAsText(request, context);
            case JSON -> runAsJson(request, context);
        };
    }

    private static int runAsText(RunRequest request, Context context) {
        Streams streams = context.streams();
        Relay.Outcome outcome;
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.create(request.sandbox());
                Execution execution = sandbox.start(request.command())) {
            outcome = new Relay(execution, streams.in(), streams.out(), streams.err()).run();
        }
        check(outcome, context);
        Optional<Problem> problem = ExitReport.of(outcome.exit(), request);
        if (problem.isPresent() && !context.engine().stopping()) {
            streams.say(problem.get().text());
        }
        return outcome.exit().shellCode();
    }

    private static int runAsJson(RunRequest request, Context context) {
        long limit = request.command().outputLimit().bytes();
        Capture stdout = new Capture(limit);
        Capture stderr = new Capture(limit);
        Relay.Outcome outcome;
        String id;
        Usage usage;
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.create(request.sandbox())) {
            id = sandbox.id();
            try (Execution execution = sandbox.start(request.command())) {
                outcome = new Relay(execution, context.streams().in(), stdout, stderr).run();
            }
            usage = sandbox.usage();
        }
        check(outcome, context);
        if (!context.engine().stopping()) {
            new RunResult(id, outcome.exit(), stdout, stderr, outcome.duration(), usage).writeTo(context.streams());
        }
        return outcome.exit().shellCode();
    }

    /** A result is not one if not all of the output has arrived, unless it is us who are being ended. */
    private static void check(Relay.Outcome outcome, Context context) {
        if (context.engine().stopping()) {
            return;
        }
        Streams streams = context.streams();
        if (outcome.outFailure().isPresent()) {
            throw streams.failure(Streams.OUT, outcome.outFailure().get());
        }
        if (outcome.errFailure().isPresent()) {
            throw streams.failure(Streams.ERR, outcome.errFailure().get());
        }
        if (outcome.readFailure().isPresent()) {
            IOException failure = outcome.readFailure().get();
            throw new SandboxException.HostFailed(
                    "cannot read what the command writes: " + failure.getMessage(), "", failure);
        }
    }
}
