package dev.cay.engine.agent;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** What is done in a sandbox by way of its agent: commands and files, and not who only looks on. Thread-safe. */
final class Activity {
    private final AtomicInteger commands = new AtomicInteger();
    private final AtomicInteger files = new AtomicInteger();
    private final AtomicLong received = new AtomicLong();
    private final AtomicLong sent = new AtomicLong();
    private volatile Instant last = Instant.now();

    /** Commands that run for a peer, or are kept here for one. */
    int commands() {
        return commands.get();
    }

    /** Requests of files that are being answered. */
    int files() {
        return files.get();
    }

    /** Bytes of frames that peers have sent. */
    long received() {
        return received.get();
    }

    long sent() {
        return sent.get();
    }

    /** When something was sent, received, begun or ended for the last time; else when this was made. */
    Instant last() {
        return last;
    }

    /** Something that is counted as long as it lasts. */
    interface Span extends AutoCloseable {
        @Override
        void close();
    }

    Span command() {
        return span(commands);
    }

    Span file() {
        return span(files);
    }

    private Span span(AtomicInteger count) {
        count.incrementAndGet();
        last = Instant.now();
        return () -> {
            count.decrementAndGet();
            last = Instant.now();
        };
    }

    /** Bytes of frames have come. */
    void receive(int bytes) {
        add(received, bytes);
    }

    /** Bytes of frames have gone. */
    void send(int bytes) {
        add(sent, bytes);
    }

    private void add(AtomicLong sum, int bytes) {
        if (bytes > 0) {
            sum.addAndGet(bytes);
            last = Instant.now();
        }
    }
}
