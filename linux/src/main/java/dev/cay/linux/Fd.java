package dev.cay.linux;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * An open file descriptor, owned by whoever holds this object, closed once. Every descriptor is close-on-exec. Thread-safe,
 * but whoever closes it while a list that names it runs gets what he asked for.
 */
public final class Fd implements AutoCloseable {
    private static final int CLOSED = -1;

    private final AtomicInteger number;
    private final IntConsumer closing;

    Fd(int number) {
        this(number, value -> Native.call(SystemCall.CLOSE, value));
    }

    /** @param closing is called once with the number; for descriptors that are none */
    Fd(int number, IntConsumer closing) {
        if (number < 0) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
        this.number = new AtomicInteger(number);
        this.closing = closing;
    }

    /** The number, for this package and its lists. */
    int number() {
        int value = number.get();
        if (value == CLOSED) {
            throw new IllegalStateException("the descriptor is closed");
        }
        return value;
    }

    public boolean isOpen() {
        return number.get() != CLOSED;
    }

    /** Closes the descriptor; errors of close(2) are of no use to anybody and are dropped. */
    @Override
    public void close() {
        int value = number.getAndSet(CLOSED);
        if (value != CLOSED) {
            closing.accept(value);
        }
    }

    @Override
    public String toString() {
        return "fd " + number.get();
    }
}
