package dev.cay.linux;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * System calls to be made one after the other, until one fails. Immutable.
 *
 * <p>A list says what is to happen; where it happens is the {@link Kernel}'s affair.
 */
public final class OpList {
    private final List<Op> operations;
    private final Map<Op, Integer> indexes;

    private OpList(List<Op> operations) {
        this.operations = List.copyOf(operations);
        this.indexes = new IdentityHashMap<>(operations.size() * 2);
        for (int i = 0; i < operations.size(); i++) {
            if (indexes.put(operations.get(i), i) != null) {
                throw new IllegalArgumentException("an operation stands twice in a list: " + operations.get(i));
            }
        }
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

    /** The position of an operation of this list. */
    int indexOf(Op operation) {
        Integer index = indexes.get(operation);
        if (index == null) {
            throw new IllegalArgumentException("not an operation of this list: " + operation);
        }
        return index;
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

        public OpList build() {
            return new OpList(operations);
        }
    }
}
