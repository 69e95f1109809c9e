package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.SandboxSpec;
import dev.cay.TerminalSize;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads what is said about a command. */
final class CommandRequest {
    private static final String TERMINAL_KIND = "TERM";

    private CommandRequest() {}

    /** A command of its own: environment, folder and user are said about it. */
    static ExecSpec command(Arguments arguments, Variables variables, List<String> command) {
        ExecSpec.Builder builder = builder(arguments, command);
        for (Map.Entry<String, String> variable :
                environment(arguments, variables).entrySet()) {
            builder.environment(variable.getKey(), variable.getValue());
        }
        Optional<String> directory = arguments.last(CommandOptions.WORKDIR);
        if (directory.isPresent()) {
            builder.workingDirectory(directory.get());
        }
        Optional<String> user = arguments.last(CommandOptions.USER);
        if (user.isPresent()) {
            builder.user(user.get());
        }
        return builder.build();
    }

    /** Environment, folder and user are said about the sandbox, and hold for all of its commands. */
    static void addTo(SandboxSpec.Builder sandbox, Arguments arguments, Variables variables) {
        for (Map.Entry<String, String> variable :
                environment(arguments, variables).entrySet()) {
            sandbox.environment(variable.getKey(), variable.getValue());
        }
        Optional<String> directory = arguments.last(CommandOptions.WORKDIR);
        if (directory.isPresent()) {
            sandbox.workingDirectory(directory.get());
        }
        Optional<String> user = arguments.last(CommandOptions.USER);
        if (user.isPresent()) {
            sandbox.user(user.get());
        }
    }

    /** The sandbox's own command, with all that cannot be said about the sandbox. */
    static ExecSpec own(Arguments arguments, List<String> command) {
        return builder(arguments, command).build();
    }

    private static ExecSpec.Builder builder(Arguments arguments, List<String> command) {
        ExecSpec.Builder builder = ExecSpec.builder(command);
        Optional<String> timeout = arguments.last(CommandOptions.TIMEOUT);
        if (timeout.isPresent()) {
            builder.timeout(Values.duration(CommandOptions.TIMEOUT, timeout.get()));
        }
        Optional<String> grace = arguments.last(CommandOptions.GRACE);
        if (grace.isPresent()) {
            builder.grace(Values.duration(CommandOptions.GRACE, grace.get()));
        }
        Optional<String> limit = arguments.last(CommandOptions.OUTPUT_LIMIT);
        if (limit.isPresent()) {
            builder.outputLimit(Values.size(CommandOptions.OUTPUT_LIMIT, limit.get()));
        }
        Optional<String> kept = arguments.last(CommandOptions.KEPT);
        if (kept.isPresent()) {
            builder.kept(Values.size(CommandOptions.KEPT, kept.get()));
        }
        if (arguments.has(CommandOptions.TERMINAL)) {
            builder.terminal(TerminalSize.STANDARD);
        }
        builder.accounted(Format.of(arguments) == Format.JSON);
        return builder;
    }

    /** The same command with a terminal of that size, if it has one. */
    static ExecSpec resized(ExecSpec command, TerminalSize size) {
        if (command.terminal().isEmpty()) {
            return command;
        }
        return new ExecSpec(
                command.command(),
                command.environment(),
                command.workingDirectory(),
                command.user(),
                command.stdin(),
                command.timeout(),
                command.grace(),
                Optional.of(size),
                command.kept(),
                command.outputLimit(),
                command.accounted());
    }

    /** What only one of the ways to run a command knows of. */
    static void check(Arguments arguments, Format format, boolean detached) {
        boolean captured = format == Format.JSON && !detached;
        if (!captured && arguments.has(CommandOptions.OUTPUT_LIMIT)) {
            throw new UsageException(
                    "--output-limit has no effect without --format json" + (detached ? " or with --detach" : ""),
                    "leave it out: as text, output is passed on as it comes");
        }
        if (captured && arguments.has(CommandOptions.TERMINAL)) {
            throw new UsageException(
                    "--tty and --format json contradict each other", "leave out one of them, or add --detach");
        }
    }

    /** A program that has a terminal must know of what kind it is: of the caller's. */
    private static Map<String, String> environment(Arguments arguments, Variables variables) {
        Map<String, String> environment = new LinkedHashMap<>();
        if (arguments.has(CommandOptions.TERMINAL)) {
            environment.put(TERMINAL_KIND, variables.variable(TERMINAL_KIND).orElse("xterm"));
        }
        for (String text : arguments.all(CommandOptions.ENV)) {
            addVariable(environment, text, variables);
        }
        return environment;
    }

    private static void addVariable(Map<String, String> environment, String text, Variables variables) {
        int equals = text.indexOf('=');
        if (equals == 0 || text.isEmpty()) {
            throw Values.refuse(CommandOptions.ENV, "'" + text + "' has no name", "write NAME=VALUE");
        }
        if (equals > 0) {
            environment.put(text.substring(0, equals), text.substring(equals + 1));
            return;
        }
        Optional<String> value = variables.variable(text);
        if (value.isPresent()) {
            environment.put(text, value.get());
        }
    }
}
