package dev.cay.cli;

import dev.cay.Execution;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;

/**
 * Passes one stream on to another as it comes, until its end. It is a platform thread because it spends its life in blocking
 * reads, and a daemon because nobody waits for a person to type.
 */
abstract sealed class Pump extends Thread {
    /** As much as a pipe holds. */
    private static final int BUFFER = 64 * 1024;

    /** What to do about a command whose output can be passed on no more. */
    interface Abandonment {
        void abandon();
    }

    private final InputStream from;
    private final OutputStream to;

    private Pump(String name, InputStream from, OutputStream to) {
        super(name);
        this.from = from;
        this.to = to;
        setDaemon(true);
    }

    /** The reader has failed. */
    abstract void readFailed(IOException failure);

    /** The writer has failed. */
    abstract void writeFailed(IOException failure);

    final void pump() {
        byte[] buffer = new byte[BUFFER];
        while (true) {
            int count;
            try {
                count = from.read(buffer);
            } catch (IOException e) {
                readFailed(e);
                return;
            }
            if (count < 0) {
                return;
            }
            try {
                to.write(buffer, 0, count);
                to.flush();
            } catch (IOException e) {
                writeFailed(e);
                return;
            }
        }
    }

    /** From the caller to the command. Neither side's failure is worth a word: the command just gets no more input. */
    static final class Input extends Pump {
        private final OutputStream stdin;
        private final Optional<DetachKeys> keys;

        Input(InputStream in, Execution execution) {
            super("cay-stdin", in, execution.stdin());
            stdin = execution.stdin();
            keys = Optional.empty();
        }

        Input(DetachKeys in, Execution execution) {
            super("cay-stdin", in, execution.stdin());
            stdin = execution.stdin();
            keys = Optional.of(in);
        }

        @Override
        public void run() {
            try {
                pump();
                if (keys.isPresent() && keys.get().pressed()) {
                    // It is the person who leaves; the command's input goes on.
                    return;
                }
                stdin.close();
            } catch (IOException | RuntimeException e) {
                // The command has gone, or has closed its input itself.
            }
        }

        @Override
        void readFailed(IOException failure) {}

        @Override
        void writeFailed(IOException failure) {}
    }

    /** From the command to the caller. If the caller cannot be written to, the command has no purpose any more. */
    static final class Output extends Pump {
        private final Abandonment abandonment;
        private Optional<IOException> readFailure = Optional.empty();
        private Optional<IOException> writeFailure = Optional.empty();
        private Optional<Throwable> unexpected = Optional.empty();

        Output(String name, InputStream from, OutputStream to, Abandonment abandonment) {
            super(name, from, to);
            this.abandonment = abandonment;
        }

        @Override
        public void run() {
            try {
                pump();
            } catch (RuntimeException | Error e) {
                unexpected = Optional.of(e);
                abandonment.abandon();
            }
        }

        @Override
        void readFailed(IOException failure) {
            readFailure = Optional.of(failure);
        }

        @Override
        void writeFailed(IOException failure) {
            writeFailure = Optional.of(failure);
            abandonment.abandon();
        }

        /** Waits for the end of the stream. Only after that, and by the same thread, may the failures be asked for. */
        void await() {
            try {
                join();
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts the thread of a command", e);
            }
            if (unexpected.isPresent() && unexpected.get() instanceof Error error) {
                throw error;
            }
            if (unexpected.isPresent() && unexpected.get() instanceof RuntimeException exception) {
                throw exception;
            }
        }

        Optional<IOException> readFailure() {
            return readFailure;
        }

        Optional<IOException> writeFailure() {
            return writeFailure;
        }
    }
}
