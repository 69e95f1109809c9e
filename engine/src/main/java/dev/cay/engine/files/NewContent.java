package dev.cay.engine.files;

import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * What is written into a new file: several pieces of it are on their way at once, as each is a round trip where the file is in a machine.
 * Each says where it belongs, so it does not matter which is written first. Not thread-safe.
 */
final class NewContent implements AutoCloseable {
    private final FileAccess access;
    private final FileAccess.Pieces pieces;
    private final Fd file;
    private final String text;
    private final Deque<Piece> underway = new ArrayDeque<>();
    private long size;

    private record Piece(byte[] bytes, int count, long position, Op write, Kernel.Begun begun) {}

    NewContent(FileAccess access, FileAccess.Pieces pieces, Fd file, String text) {
        this.access = access;
        this.pieces = pieces;
        this.file = file;
        this.text = text;
    }

    /** Copies a stream, however long it is, into a file that is empty: how many bytes that are. */
    static long copy(FileAccess access, InputStream content, Fd file, String text) {
        try (NewContent written = new NewContent(access, access.pieces(), file, text)) {
            return written.copy(content);
        }
    }

    long copy(InputStream content) {
        byte[] chunk = new byte[pieces.size()];
        int count = Writing.read(content, chunk, text);
        while (count > 0) {
            begin(chunk, count);
            if (count < chunk.length) {
                break;
            }
            chunk = underway.size() < pieces.underway() ? new byte[pieces.size()] : finish();
            count = Writing.read(content, chunk, text);
        }
        while (!underway.isEmpty()) {
            finish();
        }
        return size;
    }

    private void begin(byte[] chunk, int count) {
        Op write = write(count == chunk.length ? chunk : Arrays.copyOf(chunk, count), size);
        underway.add(new Piece(chunk, count, size, write, access.begin(OpList.of(write), text)));
        size += count;
    }

    private Op write(byte[] bytes, long position) {
        return FileOps.writeAt(Arg.of(file), text, bytes, position);
    }

    /** Sees to it that the first piece is written: its memory, which is free again. */
    private byte[] finish() {
        Piece piece = underway.remove();
        int done = (int) FileAccess.results(piece.begun(), text).value(piece.write());
        while (done < piece.count()) {
            byte[] rest = Arrays.copyOfRange(piece.bytes(), done, piece.count());
            done += (int) access.io(write(rest, piece.position() + done), text);
        }
        return piece.bytes();
    }

    /** After a failure: what is still on its way is not waited for. */
    @Override
    public void close() {
        underway.forEach(piece -> piece.begun().close());
    }
}
