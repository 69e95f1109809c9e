package dev.cay.engine.agent;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Objects;

/** Sends what is written to it in FILE_DATA frames, of which it holds back one. */
final class ContentOutput extends OutputStream {
    private final FrameOutput output;
    private final byte[] chunk = new byte[FrameOutput.MAXIMUM_SENT];
    private int filled;

    ContentOutput(FrameOutput output) {
        this.output = output;
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        for (int done = 0; done < length; ) {
            int count = Math.min(length - done, chunk.length - filled);
            System.arraycopy(bytes, offset + done, chunk, filled, count);
            filled += count;
            done += count;
            if (filled == chunk.length) {
                flush();
            }
        }
    }

    @Override
    public void flush() throws IOException {
        if (filled > 0) {
            output.send(FrameType.FILE_DATA, chunk, 0, filled);
            filled = 0;
        }
    }
}
