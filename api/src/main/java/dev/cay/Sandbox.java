package dev.cay;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An isolated Linux machine in which many commands run, one after the other or side by side. Thread-safe.
 *
 * <p>Closing it kills everything that runs in it and removes every trace from the host, unless it is detached or was opened rather
 * than made: then it lives on, and {@link #remove} ends it.
 */
public interface Sandbox extends AutoCloseable {
    /** The name of this sandbox, unique among the living sandboxes of this machine. */
    String id();

    /**
     * Starts a command; its streams are the caller's to read and write.
     *
     * <p>A command that cannot be started is returned too, with an {@link Exit} of reason {@code SPAWN_FAILED}.
     *
     * @throws SandboxException.InvalidSpec if the specification is refused
     * @throws SandboxException.Closed if this sandbox has been closed or has died
     */
    Execution start(ExecSpec command);

    /**
     * Runs a command to its end and captures what it writes.
     *
     * @throws SandboxException as {@link #start} does
     */
    ExecResult exec(ExecSpec command);

    /** Runs a command, given as program and arguments (no shell), and captures what it writes. */
    default ExecResult exec(String... command) {
        return exec(ExecSpec.of(command));
    }

    /**
     * What the sandbox has used so far, all its processes together.
     *
     * @throws SandboxException.Closed if this sandbox has been closed
     * @throws SandboxException.Unsupported if nobody keeps accounts: for an ordinary user without control groups
     */
    Usage usage();

    /**
     * What it is and how it does.
     *
     * @throws SandboxException.NotFound if it has been removed
     */
    SandboxInfo info();

    /** How it came up, step by step; empty if it is no microVM. */
    default List<BootStep> boot() {
        return List.of();
    }

    /**
     * Starts the sandbox's own command, {@link SandboxSpec#command()}, as its execution 1.
     *
     * @throws SandboxException.Conflict if it has none, or it runs
     */
    Execution start();

    /**
     * The commands that run in a sandbox, and those that have run, up to a bound. Of one that is attached to a process: those that
     * others than that process have started, and, seen by others, its own command while it runs.
     */
    List<ExecutionInfo> executions();

    /**
     * Takes up one of the {@link #executions}: its input and output are the caller's from now on, beginning with what is kept
     * of them. Who had them before loses them.
     *
     * @throws SandboxException.NotFound if there is none of this number
     * @throws SandboxException.Unsupported if its streams are those of the process that the sandbox is attached to
     */
    Execution attach(int execution);

    /**
     * What one of the {@link #executions} has written, as far as it is kept.
     *
     * @param from how many of its bytes are of no interest
     * @throws SandboxException.NotFound if there is none of this number
     */
    OutputLog log(int execution, OutputKind kind, long from);

    /**
     * What one of the {@link #executions} has used so far; empty if nobody knows, see {@link Execution#usage}.
     *
     * @throws SandboxException.NotFound if there is none of this number
     */
    default Optional<ExecutionUsage> usage(int execution) {
        return Optional.empty();
    }

    /** The same of all of the {@link #executions}, by their numbers, asked for at once; those of whom nobody knows are left out. */
    default Map<Integer, ExecutionUsage> usages() {
        return Map.of();
    }

    /**
     * Sends a signal to one of the {@link #executions} and its process group, whoever has taken it up. Without effect if it has
     * ended.
     *
     * @param number a signal number, 1 to 64
     * @throws SandboxException.NotFound if there is none of this number
     */
    void signal(int execution, int number);

    /** The files of this sandbox. */
    SandboxFiles files();

    /**
     * Asks its first process whether it is there.
     *
     * @return how long the answer took
     * @throws SandboxException.Closed if it has ended
     * @throws SandboxException.Unsupported if it is no microVM
     */
    default Duration ping() {
        throw new SandboxException.Unsupported("only a microVM is asked whether it is there", "");
    }

    /**
     * Halts all that runs in it: a container's processes by the freezer of their control groups, a microVM's processor. Nothing can
     * be started in it until it is resumed. What it has of limits of time goes on.
     *
     * @throws SandboxException.Conflict if it is paused already
     * @throws SandboxException.Unsupported if nobody can halt it here
     */
    default void pause() {
        throw new SandboxException.Unsupported("this sandbox cannot be paused", "");
    }

    /**
     * Lets go on what was halted. The clock of a microVM is set before anything can be started in it.
     *
     * @throws SandboxException.Conflict if it is not paused
     */
    default void resume() {
        throw new SandboxException.Unsupported("this sandbox cannot be paused", "");
    }

    /**
     * Ends all commands: SIGTERM to the sandbox's own, and, when that has ended or {@code grace} is over, the certain death of
     * everything. The sandbox and its files stay.
     */
    void stop(Duration grace);

    /** Ends the sandbox, detached or not, and removes every trace from the host. May be called again without effect. */
    void remove();

    /** Ends this sandbox, or lets go of it if it is detached. May be called again without effect. */
    @Override
    void close();
}
