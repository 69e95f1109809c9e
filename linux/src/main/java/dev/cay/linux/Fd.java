package dev.cay.linux;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * An open file descriptor, owned by whoever holds this object, closed once. Every descriptor is close-on-exec. Thread-safe,
 * but whoever closes it while a list that names it runs gets what he asked for.
 *
 * <p>It is one of this process, or of the stub of a machine: then only lists for that stub can name it.
 */
public final class Fd implements AutoCloseable {
    private static final int CLOSED = -1;

    private final AtomicInteger number;
    private final IntConsumer closing;

    /** Whose it is; empty: of this process. */
    private final Optional<StubConnection> machine;

    Fd(int number) {
        this(number, value -> Native.call(SystemCall.CLOSE, value));
    }

    /** @param closing is called once with the number; for descriptors that are none */
    Fd(int number, IntConsumer closing) {
        this(number, closing, Optional.empty());
    }

    /** @param machine the session with the stub that it is a descriptor of */
    Fd(int number, IntConsumer closing, Optional<StubConnection> machine) {
        if (number < 0) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
        this.number = new AtomicInteger(number);
        this.closing = closing;
        this.machine = machine;
    }

    /** The number, for this package and its lists. */
    int number() {
        return number(Optional.empty());
    }

    /** The same for lists that run where it belongs. */
    int number(Optional<StubConnection> where) {
        if (!machine.equals(where)) {
            throw new IllegalStateException("a descriptor of another machine");
        }
        int value = number.get();
        if (value == CLOSED) {
            throw new IllegalStateException("the descriptor is closed");
        }
        return value;
    }

    /** Whether it is one of this process, which can wait for it, and not of a stub's machine. */
    public boolean isLocal() {
        return machine.isEmpty();
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
