package dev.cay.linux;

import java.util.ArrayList;
import java.util.List;

/**
 * System calls to be made one after the other, until one fails. Immutable.
 *
 * <p>A list says what is to happen; where it happens is the {@link Kernel}'s affair.
 */
public final class OpList {
    private final List<Op> operations;

    private OpList(List<Op> operations) {
        this.operations = List.copyOf(operations);
    }

    public static OpList of(Op... operations) {
        return new OpList(List.of(operations));
    }

    public static Builder builder() {
        return new Builder();
    }

    public List<Op> operations() {
        return operations;
    }

    public int size() {
        return operations.size();
    }

    /** The position of an operation of this list; the first one's if it stands in it more than once. */
    int indexOf(Op operation) {
        int index = operations.indexOf(operation); // operations are equal only to themselves
        if (index < 0) {
            throw new IllegalArgumentException("not an operation of this list: " + operation);
        }
        return index;
    }

    /** Whether one of the first so many operations closes what this one opened. */
    boolean closes(Op opened, int among) {
        for (Op operation : operations.subList(0, among)) {
            if (operation.call() == SystemCall.CLOSE
                    && operation.arguments().getFirst() instanceof Arg.Result(Op of)
                    && of == opened) {
                return true;
            }
        }
        return false;
    }

    /** Gathers operations; not thread-safe. */
    public static final class Builder {
        private final List<Op> operations = new ArrayList<>(128);

        private Builder() {}

        /** Appends an operation and returns it, so that later ones can use its result. */
        public Op add(Op operation) {
            operations.add(operation);
            return operation;
        }

        /** Appends operations whose results nobody uses. */
        public void addAll(List<Op> many) {
            operations.addAll(many);
        }

        public OpList build() {
            return new OpList(operations);
        }
    }
}
