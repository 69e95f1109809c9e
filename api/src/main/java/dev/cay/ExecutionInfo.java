package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What is known of a command that runs, or has run, in a sandbox.
 *
 * @param id its number in its sandbox, from 1; its sandbox's own command is always 1
 * @param command the program and its arguments
 * @param user as whom it was to run
 * @param terminal whether it has a terminal
 * @param pid its process id inside the sandbox; 0 if it was never started
 * @param started when it was started
 * @param exit how it ended; empty while it runs
 */
public record ExecutionInfo(
        int id, List<String> command, String user, boolean terminal, int pid, Instant started, Optional<Exit> exit) {
    public ExecutionInfo {
        command = List.copyOf(command);
        requireNonNull(user, "user is null");
        requireNonNull(started, "started is null");
        requireNonNull(exit, "exit is null");
    }
}
