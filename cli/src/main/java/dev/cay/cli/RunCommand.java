package dev.cay.cli;

import dev.cay.AgentSpec;
import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import dev.cay.Usage;
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
        return "[OPTIONS] IMAGE [ARGUMENT...] | -- COMMAND [ARGUMENT...]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Makes a sandbox of an image, or, behind --, of the programs of this machine, runs the command in it and"
                        + " removes the sandbox. The arguments go to the image's entry point, or are the command if it"
                        + " has none; without any, its own command is run. An image that is not here is brought here.",
                "The command's standard input, output"
                        + " and error are those of cay; to keep it from reading yours, add </dev/null. Ctrl-C ends the"
                        + " command and its sandbox, unless --tty passes it on.",
                "With --detach the sandbox lives on, with the command as its own, and its id is printed; 'cay attach',"
                        + " 'cay logs', 'cay exec', 'cay stop' and 'cay rm' take that id or its name.",
                "The exit code is the command's own, or 128 + N if signal N ended it, 124 after a timeout, 125 if cay"
                        + " itself failed, 126 if the command cannot be run, 127 if there is no such command.");
    }

    @Override
    public OptionSet options() {
        return RunOptions.SET;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("A program of an image, which is brought here first", """
                    cay run python:3.13 python -c 'print(6 * 7)'"""),
                new Example("A script, without network and with little of everything", """
                    cay run --memory 256m --cpus 0.5 --pids 64 --timeout 10s \\
                        -- python3 -c 'print(6 * 7)'"""),
                new Example("Files go in and out by standard input and output", """
                    cay run -w /tmp -- sh -c 'cc -x c - && ./a.out' < hello.c"""),
                new Example("Another root file system, whose changes are kept", """
                    cay run --rootfs ./alpine --writable ./changes -- apk --version"""),
                new Example("A shell at the terminal, in a directory of this machine", """
                    cay run -it -v .:/work -w /work -- bash"""),
                new Example("A service that goes on when the terminal is closed", """
                    cay run -d --name web -- python3 -m http.server
                    cay logs -f web"""),
                new Example("The result for a program to read", """
                    cay run --format json -- id"""));
    }

    @Override
    public Offer offer() {
        return Offer.RUNNABLE;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        RunRequest asked = RunRequest.of(arguments, context.variables());
        try (Sandboxes engine = context.engine().open()) {
            RunRequest request = asked.settled(engine, context);
            if (request.detached()) {
                return DetachedRun.start(request, engine, context);
            }
            return switch (request.format()) {
                case TEXT -> runAsText(request, engine, context);
                case JSON -> runAsJson(request, engine, context);
            };
        }
    }

    /** With its socket, if it has one, which the engine closes. */
    private static Sandbox created(RunRequest request, Sandboxes engine) {
        Sandbox sandbox = engine.create(request.sandbox());
        if (request.agent().isPresent()) {
            engine.serve(sandbox, AgentSpec.at(request.agent().get()));
        }
        return sandbox;
    }

    /** To whom it was slow, and what helps; the terminal may be a raw one by now. */
    private static void tellEmulation(Sandbox sandbox, Streams streams) {
        MachineInfo machine = sandbox.info().machine().orElseThrow();
        if (machine.emulated() && machine.began() == MachineInfo.Beginning.BOOT) {
            streams.say("cay: the microVM is emulated, so it computes several times slower\r\n"
                    + "hint: 'cay template create' has the next ones start in tenths of a second\r\n");
        }
    }

    private static int runAsText(RunRequest request, Sandboxes engine, Context context) {
        Streams streams = context.streams();
        Relay.Outcome outcome;
        try (Foreground terminal = request.terminal() ? Foreground.open(context) : Foreground.none();
                Sandbox sandbox = created(request, engine);
                Execution execution = sandbox.start(CommandRequest.resized(request.command(), terminal.size()))) {
            if (request.sandbox().isolation() == Isolation.MICROVM && context.printsToTerminal()) {
                tellEmulation(sandbox, streams);
            }
            terminal.follow(execution);
            outcome = new Relay(execution, streams.in(), streams.out(), streams.err()).run();
        }
        outcome.check(context);
        return Attachment.report(outcome.exit(), request.sandbox(), request.command(), context);
    }

    private static int runAsJson(RunRequest request, Sandboxes engine, Context context) {
        long limit = request.command().outputLimit().bytes();
        Capture stdout = new Capture(limit);
        Capture stderr = new Capture(limit);
        Relay.Outcome outcome;
        String id;
        Optional<ExecutionUsage> commandUsage;
        Optional<Usage> usage;
        try (Sandbox sandbox = created(request, engine)) {
            id = sandbox.id();
            try (Execution execution = sandbox.start(request.command())) {
                outcome = new Relay(execution, context.streams().in(), stdout, stderr).run();
                commandUsage = execution.usage();
            }
            usage = InspectCommand.usage(sandbox);
        }
        outcome.check(context);
        if (!context.engine().stopping()) {
            new RunResult(id, outcome.exit(), stdout, stderr, outcome.duration(), commandUsage, usage)
                    .writeTo(context.streams());
        }
        return outcome.exit().shellCode();
    }
}
