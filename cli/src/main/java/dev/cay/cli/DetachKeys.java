package dev.cay.cli;

import java.io.IOException;
import java.io.InputStream;

/**
 * What a person types, up to ctrl-p ctrl-q, with which one leaves a command without ending it, as with {@code docker attach}.
 * A single ctrl-p is passed on with the next key.
 */
final class DetachKeys extends InputStream {
    private static final int FIRST = 'P' & 0x1F;
    private static final int SECOND = 'Q' & 0x1F;

    private final InputStream in;
    private final Ending ending;

    /** Read but not passed on, because the first key was the last of the buffer. */
    private boolean pending;

    private volatile boolean pressed;

    DetachKeys(InputStream in, Ending ending) {
        this.in = in;
        this.ending = ending;
    }

    /** Whether the end of this stream is the person's leave. */
    boolean pressed() {
        return pressed;
    }

    @Override
    public int read() {
        throw new UnsupportedOperationException("keys are read by the buffer");
    }

    /** The length must be 2 or more. */
    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        int kept = 0;
        while (kept == 0) {
            if (pressed) {
                return -1;
            }
            int count = in.read(buffer, offset + 1, length - 1);
            if (count < 0) {
                return endOf(buffer, offset);
            }
            kept = filter(buffer, offset, count);
        }
        return kept;
    }

    /** The last key may have been the first of the two. */
    private int endOf(byte[] buffer, int offset) {
        if (!pending) {
            return -1;
        }
        pending = false;
        buffer[offset] = (byte) FIRST;
        return 1;
    }

    /** Moves the keys, which begin one behind the offset, to the offset; returns how many are to be passed on. */
    private int filter(byte[] buffer, int offset, int count) {
        int kept = 0;
        for (int i = 1; i <= count; i++) {
            byte key = buffer[offset + i];
            if (pending && key == SECOND) {
                pressed = true;
                ending.leave();
                return kept;
            }
            if (pending) {
                buffer[offset + kept++] = (byte) FIRST;
            }
            pending = key == FIRST;
            if (!pending) {
                buffer[offset + kept++] = key;
            }
        }
        return kept;
    }
}
