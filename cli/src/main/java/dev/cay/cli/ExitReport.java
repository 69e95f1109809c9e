package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import java.time.Duration;
import java.util.Optional;

/** Says why a command ended, where its exit code alone leaves one guessing. */
final class ExitReport {
    /** Error numbers of execve(2), the same on all architectures that Cay runs on. */
    private static final int ENOENT = 2;

    private static final int ENOEXEC = 8;
    private static final int EACCES = 13;
    private static final int ENOTDIR = 20;

    private ExitReport() {}

    static Optional<Problem> of(Exit exit, SandboxSpec sandbox, ExecSpec command) {
        return switch (exit.reason()) {
            case EXITED, SIGNALLED -> Optional.empty();
            case TIMEOUT -> Optional.of(timeout(command));
            case OOM -> Optional.of(outOfMemory(sandbox));
            case KILLED -> Optional.of(Problem.ofCommand("the command was killed", ""));
            case SPAWN_FAILED -> Optional.of(spawnFailed(exit, sandbox, command));
        };
    }

    private static Problem timeout(ExecSpec command) {
        Optional<Duration> timeout = command.timeout();
        String limit = timeout.isPresent() ? " (limit " + Durations.text(timeout.get()) + ")" : "";
        return Problem.ofCommand("the command was killed: it ran too long" + limit, "raise --timeout");
    }

    private static Problem outOfMemory(SandboxSpec sandbox) {
        Optional<Size> memory = sandbox.limits().memory();
        if (memory.isPresent()) {
            return Problem.ofCommand(
                    "the command was killed: out of memory (limit " + memory.get() + ")",
                    "raise --memory; files written to memory count too");
        }
        return Problem.ofCommand(
                "the command was killed: this machine is out of memory",
                "set --memory, so that one command cannot use all of it");
    }

    private static Problem spawnFailed(Exit exit, SandboxSpec sandbox, ExecSpec command) {
        String program = command.command().get(0);
        String directory =
                command.workingDirectory().or(sandbox::workingDirectory).orElse(SandboxSpec.DEFAULT_WORKING_DIRECTORY);
        String hint = spawnHint(exit, program, directory, run(sandbox.root()));
        return Problem.ofCommand("cannot run '" + program + "': " + exit.step(), hint);
    }

    /** How a command is run where this one was to be; an image's own entry point would run instead of it. */
    private static String run(Root root) {
        if (root instanceof Root.Image image) {
            return "cay run --entrypoint= " + image.reference();
        }
        return root instanceof Root.Directory directory ? "cay run --rootfs " + directory.path() : "cay run";
    }

    private static String spawnHint(Exit exit, String program, String directory, String run) {
        if (exit.step().startsWith("openat2(" + directory + ")") || exit.step().startsWith("fchdir")) {
            return "--workdir " + directory + " must be a directory in the sandbox";
        }
        if (!exit.step().startsWith("exec")) {
            return "";
        }
        return switch (exit.errno()) {
            case ENOENT, ENOTDIR -> missingHint(program, run);
            case EACCES -> "make it executable, or run it by its interpreter, as in: " + run + " -- sh FILE";
            case ENOEXEC -> "it is no program for this machine; a script begins with a line like #!/bin/sh";
            default -> "";
        };
    }

    private static String missingHint(String program, String run) {
        if (program.indexOf('/') >= 0 && program.indexOf(' ') < 0) {
            return "there is no such file in the sandbox, or the interpreter it names is not there";
        }
        if (program.indexOf(' ') >= 0 || program.indexOf(';') >= 0 || program.indexOf('|') >= 0) {
            return "to run a line of shell: " + run + " -- sh -c '" + program + "'";
        }
        return "it is not in the sandbox's PATH; see what is there: " + run + " -- ls /usr/bin";
    }
}
