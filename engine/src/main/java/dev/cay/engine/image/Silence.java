package dev.cay.engine.image;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ends reading from whoever says nothing any more: java.net.http waits for a body without end. A thread looks at all that is being
 * read; it ends with {@link #close}. Thread-safe.
 */
final class Silence implements AutoCloseable {
    private final long patienceNanos;
    private final Map<InputStream, Long> readSince = new ConcurrentHashMap<>();
    private final Thread watch =
            Thread.ofPlatform().daemon().name("cay-registry-watch").unstarted(this::watch);
    private boolean started;

    Silence(Duration patience) {
        patienceNanos = patience.toNanos();
    }

    /** Something that is read. */
    interface Reading<T> {
        T from(InputStream in) throws IOException;
    }

    /** Reads; after too long a silence the stream is closed, and the reading ends as it does then: early, or with a failure. */
    <T> T watched(InputStream in, Reading<T> reading) throws IOException {
        start();
        readSince.put(in, System.nanoTime());
        try {
            return reading.from(in);
        } finally {
            readSince.remove(in);
        }
    }

    private synchronized void start() {
        if (!started) {
            started = true;
            watch.start();
        }
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(Duration.ofNanos(Math.max(patienceNanos / 4, 1_000_000)));
                readSince.forEach((in, since) -> {
                    if (System.nanoTime() - since > patienceNanos) {
                        close(in);
                    }
                });
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private static void close(InputStream in) {
        try {
            in.close();
        } catch (IOException e) {
            // it is of no use any more
        }
    }

    @Override
    public void close() {
        watch.interrupt();
    }
}
