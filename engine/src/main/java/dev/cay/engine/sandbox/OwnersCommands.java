package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ExecutionInfo;
import dev.cay.SandboxSpec;
import dev.cay.engine.state.Executions;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What runs in a sandbox that ends with another process, which alone knows what it has started there. */
interface OwnersCommands {
    /** What can be seen of the command that has run for the longest time, if one runs, which is taken for the sandbox's own. */
    List<ExecutionInfo> own(SandboxSpec spec, ExecSpec command, Instant started) throws IOException;

    /** It as others see it. */
    static ExecutionInfo told(SandboxSpec spec, ExecSpec command, int pid, Instant started) {
        return new ExecutionInfo(
                Executions.OWN,
                command.command(),
                command.user().or(spec::user).orElse(SandboxSpec.DEFAULT_USER),
                command.terminal().isPresent(),
                pid,
                started,
                Optional.empty());
    }

    /** Sends a signal to the process group of the command that has run for the longest time. */
    void signal(int number) throws IOException;

    /** Asks the owner's commands to end, and when they have, or the time is over, kills everything. */
    void stop(int signal, Duration grace) throws IOException;
}
