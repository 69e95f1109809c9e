package dev.cay;

/**
 * An isolated Linux machine in which many commands run, one after the other or side by side. Thread-safe.
 *
 * <p>Closing it kills everything that runs in it and removes every trace from the host.
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
     */
    Usage usage();

    /** Kills all that runs inside and removes the sandbox. May be called again without effect. */
    @Override
    void close();
}
