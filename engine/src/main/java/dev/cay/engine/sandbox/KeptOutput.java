package dev.cay.engine.sandbox;

import dev.cay.linux.KeptExecution;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Objects;

/** What a command reads, handed on by the sandbox's first process. */
final class KeptOutput extends OutputStream {
    /** What a terminal takes as the end of its input, at the beginning of a line: VEOF. */
    private static final byte[] END_OF_INPUT = {4};

    private final KeptExecution kept;
    private final boolean terminal;
    private boolean closed;

    KeptOutput(KeptExecution kept, boolean terminal) {
        this.kept = kept;
        this.terminal = terminal;
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    /** Writes all of it, waiting for the command to read; nothing is kept back. */
    @Override
    public synchronized void write(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (closed) {
            throw new IOException("the stream is closed");
        }
        try {
            if (!kept.write(bytes, offset, length)) {
                throw new IOException("the command does not read its input any more");
            }
        } catch (SyscallException e) {
            throw new IOException("the sandbox has ended", e);
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try {
                if (terminal) {
                    kept.write(END_OF_INPUT, 0, END_OF_INPUT.length);
                } else {
                    kept.endInput();
                }
            } catch (SyscallException e) {
                // there is nobody any more who could read
            }
        }
    }
}
