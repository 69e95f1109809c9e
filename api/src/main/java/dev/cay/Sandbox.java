package dev.cay;

import java.time.Duration;
import java.util.List;

/**
 * An isolated Linux machine in which many commands run, one after the other or side by side. Thread-safe.
 *
 * <p>Closing it kills everything that runs in it and removes every trace from the host, unless it is detached: then it lives on,
 * and only {@link #remove} ends it.
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

    /**
     * Starts the sandbox's own command, {@link SandboxSpec#command()}, as its execution 1.
     *
     * @throws SandboxException.Conflict if it has none, or it runs
     */
    Execution start();

    /** The commands that run in a detached sandbox, and those that have run, up to a bound. */
    List<ExecutionInfo> executions();

    /**
     * Takes up a command of a detached sandbox: its input and output are the caller's from now on, beginning with what is kept
     * of them. Who had them before loses them.
     *
     * @throws SandboxException.NotFound if there is none of this number
     */
    Execution attach(int execution);

    /**
     * What a command of a detached sandbox has written, as far as it is kept.
     *
     * @param from how many of its bytes are of no interest
     * @throws SandboxException.NotFound if there is none of this number
     */
    OutputLog log(int execution, OutputKind kind, long from);

    /**
     * Sends a signal to a command of a detached sandbox and its process group, whoever has taken it up. Without effect if it has
     * ended.
     *
     * @param number a signal number, 1 to 64
     * @throws SandboxException.NotFound if there is none of this number
     */
    void signal(int execution, int number);

    /** The files of this sandbox. */
    SandboxFiles files();

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
