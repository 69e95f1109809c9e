package dev.cay.engine.state;

import dev.cay.SandboxException;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Reads a file of lines as it grows, and goes on with the next when it has been put aside. Whoever reads so seldom that it is put
 * aside more than twice in between misses what was in the files that are gone.
 */
final class LineFollower<T> implements AutoCloseable {
    private static final long POLL_MILLIS = 100;
    private static final int MAXIMUM_LINE = 1 << 16;
    private static final int PIECE = 1 << 13;

    private final Function<String, Optional<T>> form;
    private final Path file;
    private final Path earlier;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private Source source;

    /** A file that is being read. As long as it is open, no other has its inode number. */
    private record Source(RandomAccessFile in, Object identity) {}

    /** @param form reads a line; empty if it is torn, or another version's */
    LineFollower(Path file, Path earlier, Function<String, Optional<T>> form) throws IOException {
        this.form = form;
        this.file = file;
        this.earlier = earlier;
        source = open(file).orElseThrow(() -> new NoSuchFileException(file.toString()));
        source.in().seek(source.in().length());
    }

    /** Waits for lines, at the most so long; empty if there were none. */
    List<T> next(Duration timeout) {
        long deadline = System.nanoTime() + Math.min(TimeUnit.NANOSECONDS.convert(timeout), Long.MAX_VALUE / 2);
        while (true) {
            List<T> events = poll();
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (!events.isEmpty() || left <= 0) {
                return events;
            }
            try {
                if (closed.await(Math.min(left, POLL_MILLIS), TimeUnit.MILLISECONDS)) {
                    return List.of();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return List.of();
            }
        }
    }

    private synchronized List<T> poll() {
        List<T> events = new ArrayList<>();
        if (closed.getCount() == 0) {
            return events;
        }
        try {
            while (advance(events)) {
                line.reset();
            }
            return events;
        } catch (IOException e) {
            throw new SandboxException.HostFailed("cannot read " + file, "", e);
        }
    }

    /** Reads a file to its end; true if there is another one to go on with. */
    private boolean advance(List<T> events) throws IOException {
        Optional<Object> now = GrowingFile.identity(file);
        read(source.in(), events); // after that look: what has been put aside is complete
        if (now.isEmpty() || now.get().equals(source.identity())) {
            return false;
        }
        boolean first = GrowingFile.identity(earlier).equals(Optional.of(source.identity()));
        Optional<Source> next = open(first ? file : earlier);
        if (next.isEmpty()) {
            return false;
        }
        source.in().close();
        source = next.get();
        return true;
    }

    private void read(RandomAccessFile in, List<T> events) throws IOException {
        byte[] piece = new byte[PIECE];
        int length;
        while ((length = in.read(piece)) > 0) {
            for (int i = 0; i < length; i++) {
                if (piece[i] == '\n') {
                    form.apply(line.toString(StandardCharsets.UTF_8)).ifPresent(events::add);
                    line.reset();
                } else if (line.size() < MAXIMUM_LINE) {
                    line.write(piece[i]);
                }
            }
        }
    }

    /** Opens the file that has the name before and after. */
    private static Optional<Source> open(Path file) throws IOException {
        while (true) {
            Optional<Object> before = GrowingFile.identity(file);
            if (before.isEmpty()) {
                return Optional.empty();
            }
            RandomAccessFile in;
            try {
                in = new RandomAccessFile(file.toFile(), "r");
            } catch (FileNotFoundException e) {
                return Optional.empty();
            }
            if (GrowingFile.identity(file).equals(before)) {
                return Optional.of(new Source(in, before.get()));
            }
            in.close();
        }
    }

    @Override
    public void close() {
        closed.countDown();
        release();
    }

    private synchronized void release() {
        try {
            source.in().close();
        } catch (IOException e) {
            throw new SandboxException.HostFailed("cannot close " + file, "", e);
        }
    }
}
