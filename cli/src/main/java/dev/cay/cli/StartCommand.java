package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Optional;

/** {@code cay start}: the own command of a sandbox. */
final class StartCommand implements Command {
    private static final String EXAMPLE = "cay start NAME";

    private static final Option ATTACH =
            Option.flag("a", "attach", "Pass on what it writes and wait for its end; the exit code is its own.");
    private static final Option INTERACTIVE =
            Option.flag("i", "interactive", "Connect standard input too; without --attach, keep it open.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(ATTACH, INTERACTIVE, Format.OPTION);

    @Override
    public String name() {
        return "start";
    }

    @Override
    public String summary() {
        return "Start the command of a created or stopped sandbox";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Starts the command that was named when the sandbox was made, also once more. It runs on its own, or,"
                        + " with --attach, in the foreground: then ctrl-p ctrl-q leave a terminal, and Ctrl-C elsewhere"
                        + " leaves the command, without ending it.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Start it and see what it writes", "cay start -a job"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        String name = Operands.one(arguments, EXAMPLE);
        boolean input = arguments.has(INTERACTIVE);
        boolean attach = arguments.has(ATTACH);
        if (attach && format == Format.JSON) {
            throw new UsageException(
                    "--attach and --format json contradict each other",
                    "leave out one of them; 'cay logs' reads it later");
        }
        SandboxSpec sandbox;
        ExecSpec command;
        Optional<Relay.Outcome> outcome;
        try (Sandboxes engine = context.engine().open();
                Sandbox opened = engine.open(name)) {
            sandbox = opened.info().spec();
            command = command(sandbox, name);
            if (!attach) {
                return startAlone(opened, sandbox, input, name, format, context);
            }
            outcome = startAttached(opened, command, input, context);
        }
        return Attachment.report(outcome, sandbox, command, context);
    }

    private static ExecSpec command(SandboxSpec sandbox, String name) {
        if (sandbox.command().isEmpty()) {
            throw new SandboxException.Conflict(
                    "the sandbox '" + name + "' has no command of its own",
                    "run one: cay exec " + name + " -- COMMAND");
        }
        return sandbox.command().get();
    }

    private static int startAlone(
            Sandbox sandbox, SandboxSpec spec, boolean input, String name, Format format, Context context) {
        try (Execution execution = sandbox.start()) {
            int code = Background.letGo(execution, spec, command(spec, name), input, context);
            if (code == ExitCode.SUCCESS && format == Format.JSON) {
                JsonLine.print(
                        context.streams(), json -> json.field("name", name).field("result", "started"));
            } else if (code == ExitCode.SUCCESS) {
                context.streams().print(Problem.printable(name) + "\n");
            }
            return code;
        }
    }

    private static Optional<Relay.Outcome> startAttached(
            Sandbox sandbox, ExecSpec command, boolean input, Context context) {
        boolean terminal = command.terminal().isPresent();
        try (Foreground foreground = terminal && input ? Foreground.open(context) : Foreground.none();
                Execution execution = sandbox.start();
                EngineGuard.Held _ = context.engine().hold(new Attachment.Leave(execution))) {
            foreground.follow(execution);
            return new Attachment(execution, new Attachment.Manner(input, terminal, false), context).run();
        }
    }
}
