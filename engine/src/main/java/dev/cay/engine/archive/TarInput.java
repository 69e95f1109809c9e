package dev.cay.engine.archive;

import dev.cay.engine.archive.TarException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** The bytes of an archive, read in large pieces: an archive of small files would else be two reads for each. */
final class TarInput {
    private final InputStream source;
    private final byte[] buffer = new byte[64 * 1024];
    private int position;
    private int limit;

    TarInput(InputStream source) {
        this.source = source;
    }

    /** Like {@link InputStream#read(byte[], int, int)}; what is larger than the buffer goes past it. */
    int read(byte[] target, int offset, int length) throws IOException {
        if (position == limit) {
            if (length >= buffer.length) {
                return source.read(target, offset, length);
            }
            if (!refill()) {
                return -1;
            }
        }
        int count = Math.min(length, limit - position);
        System.arraycopy(buffer, position, target, offset, count);
        position += count;
        return count;
    }

    /** Reads exactly so many bytes; false if there are none at all. */
    boolean readIfAny(byte[] target, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int count = read(target, done, length - done);
            if (count < 0 && done == 0) {
                return false;
            }
            done += required(count);
        }
        return true;
    }

    /** Hands on at most so many bytes, without a copy. Returns how many, at least one. */
    int transfer(long length, OutputStream target) throws IOException {
        if (position == limit && !refill()) {
            throw truncated();
        }
        int count = (int) Math.min(length, limit - position);
        target.write(buffer, position, count);
        position += count;
        return count;
    }

    /** By reading: a file can be "skipped" beyond its end. */
    void skip(long length) throws IOException {
        for (long rest = length; rest > 0; ) {
            rest -= transfer(rest, OutputStream.nullOutputStream());
        }
    }

    static int required(int count) throws TarException {
        if (count < 0) {
            throw truncated();
        }
        return count;
    }

    static TarException truncated() {
        return new TarException(Reason.TRUNCATED, "the archive ends within it");
    }

    private boolean refill() throws IOException {
        position = 0;
        limit = 0;
        int count = source.read(buffer, 0, buffer.length);
        limit = Math.max(count, 0);
        return count > 0;
    }
}
