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
    /** The command's standard input. Closing it is the command's end of file. */
    OutputStream stdin();

    /** The command's standard output. It is not buffered without bound: what nobody reads stops the command. */
    InputStream stdout();

    /** The command's standard error. */
    InputStream stderr();

    /**
     * Sends a signal to the command.
     *
     * @param number a signal number, 1 to 64
     */
    void signal(int number);

    /** Kills the command and all its descendants. Without effect once it has exited. */
    void kill();

    /** Waits for the command's end. */
    Exit await();

    /** Waits for the command's end, at the most so long; empty if it still runs then. */
    Optional<Exit> await(Duration timeout);

    /** Kills the command if it still runs and releases its streams. May be called again without effect. */
    @Override
    void close();
}
