package dev.cay.engine.sandbox;

import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.TerminalSize;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/**
 * A command that ran, or could not be started: what is left of it.
 *
 * @param id its number; 0 if it has none
 * @param output what it wrote, as far as it was kept; do not modify
 * @param error the same of its error
 * @param used what it has used, if that is known
 */
record EndedExecution(int id, Exit exit, byte[] output, byte[] error, Optional<ExecutionUsage> used)
        implements Execution {
    /** One that could not be started. */
    static EndedExecution unstarted(Exit exit) {
        return unstarted(0, exit);
    }

    /** The same with a number. */
    static EndedExecution unstarted(int id, Exit exit) {
        return new EndedExecution(id, exit, new byte[0], new byte[0], Optional.empty());
    }

    @Override
    public OutputStream stdin() {
        return OutputStream.nullOutputStream();
    }

    @Override
    public InputStream stdout() {
        return new ByteArrayInputStream(output);
    }

    @Override
    public InputStream stderr() {
        return new ByteArrayInputStream(error);
    }

    @Override
    public void resize(TerminalSize size) {
        // there is no terminal any more
    }

    @Override
    public void signal(int number) {
        // there is nobody to get it
    }

    @Override
    public void detach() {
        // it goes nowhere
    }

    @Override
    public void follow() {
        // there is nobody to follow
    }

    @Override
    public void kill() {
        // there is nobody to kill
    }

    @Override
    public Exit await() {
        return exit;
    }

    @Override
    public Optional<ExecutionUsage> usage() {
        return used;
    }

    @Override
    public Optional<Exit> await(Duration timeout) {
        return Optional.of(exit);
    }

    @Override
    public void close() {
        // nothing is held
    }
}
