package dev.cay.engine.agent;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.Optional;

/** What a peer sends in FILE_DATA frames, to FILE_DONE. It fails if the peer leaves before that, or sends something else. */
final class ContentInput extends InputStream {
    private final FrameInput input;
    private Stage stage = Stage.RECEIVING;

    ContentInput(FrameInput input) {
        this.input = input;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        while (stage == Stage.RECEIVING) {
            int count = input.data(target, offset, length);
            if (count > 0) {
                return count;
            }
            Optional<FrameHeader> header = input.header();
            if (header.isEmpty()) {
                throw new EOFException("the connection ended before the content did");
            }
            stage = stage.next(Port.FILES, header.get().type());
        }
        return -1;
    }

    /** Reads the rest, so that a peer that has not yet read why it failed is not told by a broken connection. */
    void drain() {
        byte[] chunk = new byte[FrameOutput.MAXIMUM_SENT];
        try {
            while (read(chunk, 0, chunk.length) >= 0) {
                continue;
            }
        } catch (IOException _) {
            // he has left, or goes on with something that is none of this
        }
    }
}
