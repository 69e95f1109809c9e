package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.SandboxSpec;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** Lets a command go that has just been started. */
final class Background {
    private Background() {}

    /**
     * Lets it go, and says so if it could not be started at all.
     *
     * @param input whether its standard input stays open for somebody who takes it up; a terminal always does
     * @return the exit code of {@code cay}
     */
    static int letGo(Execution execution, SandboxSpec sandbox, ExecSpec command, boolean input, Context context) {
        Optional<Exit> exit = execution.await(Duration.ZERO);
        if (exit.isPresent() && exit.get().reason() == Exit.Reason.SPAWN_FAILED) {
            return Attachment.report(exit.get(), sandbox, command, context);
        }
        if (!input && command.terminal().isEmpty()) {
            closeInput(execution);
        }
        execution.detach();
        return ExitCode.SUCCESS;
    }

    private static void closeInput(Execution execution) {
        try {
            execution.stdin().close();
        } catch (IOException e) {
            // It has ended already, or has closed its input itself.
        }
    }
}
