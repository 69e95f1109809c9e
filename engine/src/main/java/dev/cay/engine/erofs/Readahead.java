package dev.cay.engine.erofs;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Reads a stream ahead, in a thread of its own: what it costs to decompress is spent while somebody else works on what has been.
 * Not thread-safe for its reader. After {@link #close} nobody reads the stream any more.
 */
final class Readahead extends InputStream {
    private static final int PIECE = 128 * 1024;
    private static final int PIECES = 8;

    private final InputStream source;
    private final BlockingQueue<Piece> filled = new ArrayBlockingQueue<>(PIECES);
    private final BlockingQueue<Piece> empty = new ArrayBlockingQueue<>(PIECES);
    private final Thread thread = Thread.ofPlatform().name("cay-layer").daemon().unstarted(this::run);
    private Piece current = new Piece(new byte[0]);
    private int position;
    private volatile boolean closed;

    private static final class Piece {
        private final byte[] bytes;
        private int length;
        private boolean last;
        private Optional<Throwable> failure = Optional.empty();

        private Piece(byte[] bytes) {
            this.bytes = bytes;
        }
    }

    /** @param source is not closed */
    Readahead(InputStream source) {
        this.source = source;
        for (int i = 0; i < PIECES; i++) {
            empty.add(new Piece(new byte[PIECE]));
        }
        thread.start();
    }

    private void run() {
        try {
            boolean last = false;
            while (!last && !closed) {
                Piece piece = empty.take();
                fill(piece);
                last = piece.last;
                filled.put(piece);
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private void fill(Piece piece) {
        piece.length = 0;
        try {
            while (piece.length < PIECE && !piece.last && !closed) {
                int count = source.read(piece.bytes, piece.length, PIECE - piece.length);
                piece.last = count < 0;
                piece.length += Math.max(0, count);
            }
        } catch (IOException | RuntimeException | Error e) {
            piece.last = true;
            piece.failure = Optional.of(e);
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        while (position == current.length) {
            if (current.last) {
                fail(current.failure);
                return -1;
            }
            next();
        }
        int count = Math.min(length, current.length - position);
        System.arraycopy(current.bytes, position, target, offset, count);
        position += count;
        return count;
    }

    private void next() throws IOException {
        try {
            if (current.bytes.length > 0) {
                empty.put(current);
            }
            current = filled.take();
            position = 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException();
        }
    }

    private static void fail(Optional<Throwable> failure) throws IOException {
        if (failure.isEmpty()) {
            return;
        }
        switch (failure.get()) {
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure.get());
        }
    }

    /** Ends the reading: waits for the call that is under way. */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        while (thread.isAlive()) {
            filled.clear();
            empty.offer(new Piece(new byte[PIECE]));
            try {
                thread.join(10);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
