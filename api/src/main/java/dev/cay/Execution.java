package dev.cay;

import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/**
 * One command running in a sandbox. Thread-safe; each of its streams is meant for one thread at a time.
 *
 * <p>After the command has exited, its output streams end when they have been read empty, at the latest 250 ms later:
 * a descendant that keeps a pipe open delays neither the exit nor the end of a stream.
 */
public interface Execution extends AutoCloseable {
    /** Its number in its sandbox; 0 if the sandbox is attached, where nobody else can take it up. */
    int id();

    /** The command's standard input. Closing it is the command's end of file. */
    OutputStream stdin();

    /** The command's standard output. It is not buffered without bound: what nobody reads stops the command. */
    InputStream stdout();

    /** The command's standard error. */
    InputStream stderr();

    /**
     * Sends a signal to the command and its process group.
     *
     * @param number a signal number, 1 to 64
     */
    void signal(int number);

    /** Tells the command's terminal its size. Without effect if it has none. */
    void resize(TerminalSize size);

    /**
     * Lets go of the command, which goes on: {@link Sandbox#attach} takes it up again.
     *
     * @throws SandboxException.Conflict if the sandbox is attached: its commands belong to whoever started them
     */
    void detach();

    /**
     * From now on the command's descendants count as it does: its output streams end when nobody has them open any more, however
     * long that is after its exit, and {@link #kill} and {@link #close} kill those that are left.
     */
    void follow();

    /** Kills the command and all its descendants. Without effect once it has exited. */
    void kill();

    /** Waits for the command's end. */
    Exit await();

    /** Waits for the command's end, at the most so long; empty if it still runs then. */
    Optional<Exit> await(Duration timeout);

    /**
     * What the command has used so far; for after its end {@link ExecSpec#accounted} must have asked for it. Not to be called once
     * this is closed.
     *
     * @return empty if nobody keeps an account of it: without control groups, and of a command that is its sandbox's first process
     */
    default Optional<ExecutionUsage> usage() {
        return Optional.empty();
    }

    /** Kills the command if it still runs and has not been let go of, and releases its streams. May be called again without effect. */
    @Override
    void close();
}
