package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Usage;
import java.util.List;
import java.util.Optional;

/** {@code cay exec}: one more command in a sandbox that lives. */
final class ExecCommand implements Command {
    private static final String EXAMPLE = "cay exec NAME -- COMMAND";

    @Override
    public String name() {
        return "exec";
    }

    @Override
    public String summary() {
        return "Run a command in a sandbox that lives";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME [--] COMMAND [ARGUMENT...]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Runs the command beside all others of the sandbox. Its standard input, output and error are those of"
                        + " cay; to keep it from reading yours, add </dev/null. Ctrl-C kills the command, unless --tty"
                        + " passes it on; the sandbox stays. ctrl-p ctrl-q leave a terminal without ending the command.",
                "The exit code is the command's own, as with 'cay run'. With --detach its number is printed, for"
                        + " --execution of 'cay attach', 'cay logs' and 'cay kill'.");
    }

    @Override
    public OptionSet options() {
        return CommandOptions.EXEC;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("A shell in it", "cay exec -it lab -- bash"),
                new Example("As somebody else, elsewhere, for 10 seconds at most", """
                    cay exec -u nobody -w /tmp --timeout 10s lab -- make"""),
                new Example("The result for a program to read", "cay exec --format json lab -- id"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        boolean detached = arguments.has(CommandOptions.DETACH);
        CommandRequest.check(arguments, format, detached);
        String name = Operands.some(arguments, EXAMPLE).get(0);
        ExecSpec command = CommandRequest.command(arguments, context.variables(), commandLine(arguments.operands()));
        if (detached) {
            return startAlone(name, command, arguments.has(CommandOptions.INTERACTIVE), format, context);
        }
        return switch (format) {
            case TEXT -> runAsText(name, command, context);
            case JSON -> runAsJson(name, command, context);
        };
    }

    private static List<String> commandLine(List<String> operands) {
        List<String> rest = operands.subList(1, operands.size());
        boolean dashes = !rest.isEmpty() && rest.get(0).equals("--");
        List<String> command = dashes ? rest.subList(1, rest.size()) : rest;
        if (command.isEmpty()) {
            throw new UsageException("no command to run", "write: " + EXAMPLE);
        }
        if (!dashes && command.get(0).startsWith("-")) {
            throw new UsageException(
                    "unexpected option " + command.get(0) + " behind '" + operands.get(0) + "'",
                    "options come before the name: cay exec [OPTIONS] NAME -- COMMAND");
        }
        return command;
    }

    private static int startAlone(String name, ExecSpec command, boolean input, Format format, Context context) {
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(name);
                Execution execution = sandbox.start(command)) {
            int number = execution.id();
            int code = Background.letGo(execution, sandbox.info().spec(), command, input, context);
            if (code == ExitCode.SUCCESS && format == Format.JSON) {
                JsonLine.print(
                        context.streams(),
                        json -> json.field("id", sandbox.id()).field("execution", number));
            } else if (code == ExitCode.SUCCESS) {
                context.streams().print(number + "\n");
            }
            return code;
        }
    }

    private static int runAsText(String name, ExecSpec command, Context context) {
        boolean terminal = command.terminal().isPresent();
        SandboxSpec spec;
        Optional<Relay.Outcome> outcome;
        try (Foreground foreground = terminal ? Foreground.open(context) : Foreground.none();
                Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(name)) {
            spec = sandbox.info().spec();
            try (Execution execution = sandbox.start(CommandRequest.resized(command, foreground.size()));
                    EngineGuard.Held _ = context.engine().hold(new Attachment.Close(execution))) {
                foreground.follow(execution);
                outcome = new Attachment(execution, new Attachment.Manner(true, terminal, true), context).run();
            }
        }
        return Attachment.report(outcome, spec, command, context);
    }

    private static int runAsJson(String name, ExecSpec command, Context context) {
        long limit = command.outputLimit().bytes();
        Capture stdout = new Capture(limit);
        Capture stderr = new Capture(limit);
        Relay.Outcome outcome;
        String id;
        Optional<ExecutionUsage> commandUsage;
        Optional<Usage> usage;
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(name)) {
            id = sandbox.id();
            try (Execution execution = sandbox.start(command);
                    EngineGuard.Held _ = context.engine().hold(new Attachment.Close(execution))) {
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
