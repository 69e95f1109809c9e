package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.ImageConfig;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What {@code cay run} has been asked for.
 *
 * @param sandbox the sandbox to make, with the command as its own
 * @param command the command to run in it
 * @param format how to write the result
 * @param interactive whether the input of a detached command is kept open
 * @param agent where the sandbox is served meanwhile
 * @param image what has to be asked what the command is
 */
record RunRequest(
        SandboxSpec sandbox,
        ExecSpec command,
        Format format,
        boolean interactive,
        Optional<Path> agent,
        Optional<ImageRequest> image) {
    static RunRequest of(Arguments arguments, Variables variables) {
        Format format = Format.of(arguments);
        if (arguments.operands().isEmpty()) {
            throw new UsageException(
                    "no command to run", "name one, as in: cay run -- echo hello, or an image: cay run debian");
        }
        boolean detached = arguments.has(CommandOptions.DETACH);
        CommandRequest.check(arguments, format, detached);
        checkLife(arguments, detached);
        Optional<ImageRequest> image = ImageRequest.of(arguments);
        List<String> line = image.isPresent() ? ImageRequest.UNKNOWN.command() : arguments.operands();
        SandboxSpec.Builder sandbox = SandboxRequest.builder(arguments, detached, image);
        boolean interactive = arguments.has(CommandOptions.INTERACTIVE);
        if (!detached) {
            ExecSpec command = CommandRequest.command(arguments, variables, line);
            return new RunRequest(
                    sandbox.command(command).build(), command, format, interactive, agent(arguments), image);
        }
        CommandRequest.addTo(sandbox, arguments, variables);
        ExecSpec command = CommandRequest.own(arguments, line);
        return new RunRequest(sandbox.command(command).build(), command, format, interactive, Optional.empty(), image);
    }

    private static void checkLife(Arguments arguments, boolean detached) {
        if (!detached && arguments.has(CommandOptions.KEPT)) {
            throw new UsageException(
                    "--kept has no effect without --detach", "leave it out: nothing of the sandbox is kept");
        }
        if (detached && arguments.has(RunOptions.AGENT)) {
            throw new UsageException(
                    "--agent serves for as long as cay waits for the command, which it does not with --detach",
                    "run 'cay agent NAME' beside it");
        }
    }

    private static Optional<Path> agent(Arguments arguments) {
        Optional<String> path = arguments.last(RunOptions.AGENT);
        return path.isPresent() ? Optional.of(Values.path(RunOptions.AGENT, path.get())) : Optional.empty();
    }

    /** The same with the command that its image, which is here then, says. */
    RunRequest settled(Sandboxes engine, Context context) {
        if (image.isEmpty()) {
            return this;
        }
        ImageConfig config = image.get().config(engine.images(), context);
        ExecSpec known = ImageRequest.with(command, image.get().commandLine(config));
        SandboxSpec made = image.get().published(sandbox, config).withCommand(Optional.of(known));
        return new RunRequest(made, known, format, interactive, agent, Optional.empty());
    }

    boolean detached() {
        return sandbox.lifetime().detached();
    }

    boolean terminal() {
        return command.terminal().isPresent();
    }
}
