package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxException.FileFailed;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;

/** A part of a regular file as a stream. Not thread-safe. */
final class Reading extends InputStream {
    /** How many bytes are asked for where the file had its end when it was opened: most likely there are none. */
    private static final int BEYOND = 4096;

    private final FileAccess access;
    private final FileAccess.Pieces pieces;
    private final String text;
    private final Fd file;
    private final long size;
    private final Deque<Piece> underway = new ArrayDeque<>();
    private long position;
    private long remaining;
    private byte[] chunk = {};
    private int taken;
    private int limit;

    private record Piece(int count, Arg.Buffer room, Op read, Kernel.Begun begun) {}

    /**
     * @param file is closed with the stream
     * @param size of it, as far as is known
     */
    Reading(FileAccess access, String text, Fd file, long size, long position, long length) {
        this(access, access.pieces(), text, file, size, position, length);
    }

    Reading(FileAccess access, FileAccess.Pieces pieces, String text, Fd file, long size, long position, long length) {
        this.pieces = pieces;
        this.access = access;
        this.text = text;
        this.file = file;
        this.size = size;
        this.position = position;
        remaining = Math.min(length, Long.MAX_VALUE - position);
    }

    static Reading open(FileAccess access, FilePath path, long offset, long length) {
        String text = Failures.text(path);
        if (offset < 0 || length < 0) {
            throw Failures.of(text, Errno.EINVAL, "a position or a length cannot be negative");
        }
        Arg.Buffer room = FileStatus.room();
        Op open = access.open(path.bytes(), FileAccess.O_READ);
        Results results =
                access.inside(OpList.of(open, DirectoryOps.status(Arg.of(open), FileAccess.SELF, room)), text);
        Fd file = results.fd(open);
        FileStatus status = FileStatus.of(results.bytes(room));
        if (!status.isFile()) {
            file.close();
            throw status.isDirectory()
                    ? Failures.of(text, Errno.EISDIR)
                    : Failures.of(text, Errno.EINVAL, "not a regular file");
        }
        return new Reading(access, text, file, status.size(), offset, length);
    }

    @Override
    public int read() throws IOException {
        return fill() ? chunk[taken++] & 0xff : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int count = Math.min(length, limit - taken);
        System.arraycopy(chunk, taken, target, offset, count);
        taken += count;
        return count;
    }

    /** Without a copy. */
    @Override
    public long transferTo(java.io.OutputStream target) throws IOException {
        long count = 0;
        while (fill()) {
            target.write(chunk, taken, limit - taken);
            count += limit - taken;
            taken = limit;
        }
        return count;
    }

    /** Sees to it that there is something in the chunk; false at the end. */
    private boolean fill() throws IOException {
        if (taken < limit) {
            return true;
        }
        if (remaining == 0) {
            return false;
        }
        if (!file.isOpen()) {
            throw new IOException(text + ": the stream is closed");
        }
        try {
            ask();
            Piece piece = underway.remove();
            Results results = FileAccess.results(piece.begun(), text);
            chunk = results.bytes(piece.room());
            taken = 0;
            limit = (int) results.value(piece.read());
        } catch (FileFailed e) {
            forget();
            throw new IOException(e.getMessage(), e);
        }
        if (limit
                < chunk.length) { // the end, or one that is being written to: what was asked for behind it is not what
            // comes next
            forget();
        }
        position += limit;
        remaining = limit == 0 ? 0 : remaining - limit;
        return limit > 0;
    }

    /** Asks for the next pieces: for several at once where there is something, as each is a round trip to a machine. */
    private void ask() {
        long at = position;
        for (Piece piece : underway) {
            at += piece.count();
        }
        while (underway.isEmpty()
                || (underway.size() < pieces.underway() && at < Math.min(size, position + remaining))) {
            long expected = at < size ? size - at : at == size && size > 0 ? BEYOND : pieces.size();
            int count = (int) Math.min(Math.min(pieces.size(), expected), position + remaining - at);
            Arg.Buffer room = new Arg.Buffer(count);
            Op read = FileOps.readAt(Arg.of(file), room, at);
            underway.add(new Piece(count, room, read, access.begin(OpList.of(read), text)));
            at += count;
        }
    }

    private void forget() {
        underway.forEach(piece -> piece.begun().close());
        underway.clear();
    }

    @Override
    public void close() {
        forget();
        file.close();
        limit = 0;
        taken = 0;
    }
}
