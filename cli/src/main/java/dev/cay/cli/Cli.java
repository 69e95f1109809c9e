package dev.cay.cli;

import static java.util.Objects.requireNonNull;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The command line: finds the command, lets it run, and puts into words what goes wrong. */
final class Cli {
    private final Context context;

    Cli(Context context) {
        this.context = requireNonNull(context, "context is null");
    }

    /** Runs one command line and returns the exit code of the process; throws nothing. */
    int run(List<String> arguments) {
        try {
            return dispatch(arguments);
        } catch (RuntimeException | Error e) {
            return report(e, Format.wantsJson(arguments));
        }
    }

    private int dispatch(List<String> arguments) {
        String first = arguments.isEmpty() ? "help" : arguments.get(0);
        Command command = switch (first) {
            case "-h", "--help" -> new HelpCommand();
            case "--version" -> new VersionCommand();
            default -> command(first);
        };
        List<String> rest = arguments.isEmpty() ? List.of() : arguments.subList(1, arguments.size());
        Arguments parsed = command.options().parse(rest);
        if (parsed.has(OptionSet.HELP)) {
            context.streams().print(HelpText.of(command));
            return ExitCode.SUCCESS;
        }
        return command.run(parsed, context);
    }

    /** The command of that name. */
    static Command command(String name) {
        Optional<Command> command = Command.named(name);
        if (command.isPresent()) {
            return command.get();
        }
        if (name.startsWith("-")) {
            throw new UsageException("unknown option " + name, "a command comes first, as in: cay run " + name);
        }
        List<String> names = new ArrayList<>();
        for (Command known : Command.all()) {
            names.add(known.name());
        }
        Optional<String> closest = Spelling.closest(name, names);
        String hint = closest.isPresent()
                ? "did you mean 'cay " + closest.get() + "'?"
                : "to run a program: cay run -- " + name;
        throw new UsageException("unknown command '" + name + "'", hint);
    }

    private int report(Throwable failure, boolean json) {
        if (context.engine().stopping()) {
            // Whatever it is, it is a consequence of the signal that ends this process.
            return ExitCode.FAILURE;
        }
        if (failure instanceof OutputFailure output && output.brokenPipe()) {
            return ExitCode.BROKEN_PIPE;
        }
        Problem problem = Problem.of(failure, debug());
        if (json && !(failure instanceof OutputFailure)) {
            printJson(problem);
        } else {
            context.streams().say(problem.text());
        }
        if (debug()) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            context.streams().say(trace.toString());
        }
        return ExitCode.FAILURE;
    }

    private void printJson(Problem problem) {
        try {
            context.streams().print(problem.json());
        } catch (OutputFailure e) {
            context.streams().say(problem.text());
        }
    }

    private boolean debug() {
        return !context.variables().variable(Problem.DEBUG).orElse("").isEmpty();
    }
}
