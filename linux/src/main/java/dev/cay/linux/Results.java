package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.util.Map;
import java.util.function.IntFunction;

/** What the operations of a list that did not fail returned. */
public final class Results {
    private final OpList list;
    private final long[] values;
    private final Map<Arg.Buffer, byte[]> buffers;
    private final IntFunction<Fd> descriptors;

    /** @param descriptors makes the object of a descriptor's number */
    Results(OpList list, long[] values, Map<Arg.Buffer, byte[]> buffers, IntFunction<Fd> descriptors) {
        this.list = list;
        this.values = values;
        this.buffers = buffers;
        this.descriptors = descriptors;
    }

    /** The result of an operation; a tolerated error is the negative of its number. */
    public long value(Op operation) {
        return values[list.indexOf(operation)];
    }

    /** Whether an operation ended with an error that it tolerates. */
    public boolean failed(Op operation) {
        return value(operation) < 0;
    }

    /** The descriptor that an operation opened; the caller's from now on. To be called once for each. */
    public Fd fd(Op operation) {
        if (!operation.opens() || failed(operation)) {
            throw new IllegalArgumentException("opened nothing: " + operation);
        }
        return descriptors.apply((int) value(operation));
    }

    /** What the kernel wrote into a buffer. */
    public byte[] bytes(Arg.Buffer buffer) {
        return requireNonNull(buffers.get(buffer), "not a buffer of this list");
    }
}
