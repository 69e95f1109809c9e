package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.SandboxSpec;

/**
 * What {@code cay run} has been asked for.
 *
 * @param sandbox the sandbox to make; a detached one has the command as its own
 * @param command the command to run in it
 * @param format how to write the result
 * @param interactive whether the input of a detached command is kept open
 */
record RunRequest(SandboxSpec sandbox, ExecSpec command, Format format, boolean interactive) {
    static RunRequest of(Arguments arguments, Variables variables) {
        Format format = Format.of(arguments);
        if (arguments.operands().isEmpty()) {
            throw new UsageException("no command to run", "name one, as in: cay run -- echo hello");
        }
        boolean detached = arguments.has(CommandOptions.DETACH);
        CommandRequest.check(arguments, format, detached);
        checkLife(arguments, detached);
        SandboxSpec.Builder sandbox = SandboxRequest.builder(arguments, detached);
        boolean interactive = arguments.has(CommandOptions.INTERACTIVE);
        if (!detached) {
            ExecSpec command = CommandRequest.command(arguments, variables, arguments.operands());
            return new RunRequest(sandbox.build(), command, format, interactive);
        }
        CommandRequest.addTo(sandbox, arguments, variables);
        ExecSpec command = CommandRequest.own(arguments, arguments.operands());
        return new RunRequest(sandbox.command(command).build(), command, format, interactive);
    }

    private static void checkLife(Arguments arguments, boolean detached) {
        if (!detached && arguments.has(CommandOptions.KEPT)) {
            throw new UsageException(
                    "--kept has no effect without --detach", "leave it out: nothing of the sandbox is kept");
        }
    }

    boolean detached() {
        return sandbox.lifetime().detached();
    }

    boolean terminal() {
        return command.terminal().isPresent();
    }
}
