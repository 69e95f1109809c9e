package dev.cay.engine.sandbox;

import dev.cay.Execution;
import dev.cay.Exit;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/** A command that could not be started. */
record UnstartedExecution(Exit exit) implements Execution {
    @Override
    public OutputStream stdin() {
        return OutputStream.nullOutputStream();
    }

    @Override
    public InputStream stdout() {
        return InputStream.nullInputStream();
    }

    @Override
    public InputStream stderr() {
        return InputStream.nullInputStream();
    }

    @Override
    public void signal(int number) {
        // there is nobody to get it
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
    public Optional<Exit> await(Duration timeout) {
        return Optional.of(exit);
    }

    @Override
    public void close() {
        // nothing is held
    }
}
