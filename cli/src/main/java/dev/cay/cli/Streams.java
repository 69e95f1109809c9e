package dev.cay.cli;

import static java.util.Objects.requireNonNull;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The caller's three streams, as bytes and without buffers: what comes is passed on at once.
 *
 * @param in standard input
 * @param out standard output
 * @param err standard error
 * @param pipes tells which of them are pipes
 */
record Streams(InputStream in, OutputStream out, OutputStream err, PipeTest pipes) {
    static final int IN = 0;
    static final int OUT = 1;
    static final int ERR = 2;

    /** Tells whether a descriptor is a pipe or a socket: then a write can only fail because nobody reads any more. */
    interface PipeTest {
        boolean isPipe(int descriptor);
    }

    Streams {
        requireNonNull(in, "in is null");
        requireNonNull(out, "out is null");
        requireNonNull(err, "err is null");
        requireNonNull(pipes, "pipes is null");
    }

    static Streams ofProcess() {
        return new Streams(
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                new ProcessPipes());
    }

    void print(String text) {
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw failure(OUT, e);
        }
    }

    /** Says something to the person; if nobody listens, nobody can be told. */
    void say(String text) {
        try {
            err.write(text.getBytes(StandardCharsets.UTF_8));
            err.flush();
        } catch (IOException e) {
            // Nobody to tell.
        }
    }

    /** Why a write to a stream of the caller failed. */
    OutputFailure failure(int descriptor, IOException cause) {
        return new OutputFailure(
                descriptor == OUT ? "standard output" : "standard error", pipes.isPipe(descriptor), cause);
    }

    /** The error number is lost in an IOException, and its text depends on the locale; the kind of the file tells as much. */
    private static final class ProcessPipes implements PipeTest {
        @Override
        public boolean isPipe(int descriptor) {
            try {
                String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor))
                        .toString();
                return target.startsWith("pipe:") || target.startsWith("socket:");
            } catch (IOException e) {
                return false;
            }
        }
    }
}
