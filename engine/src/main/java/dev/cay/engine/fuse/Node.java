package dev.cay.engine.fuse;

import java.util.ArrayList;
import java.util.List;

/**
 * A file that the guest knows by a number. It is found by its name in its directory, and is what was meant only if it is the same file.
 * Guarded by the server's lock.
 */
final class Node {
    private final long number;
    private final Status.Key key;
    private final int type;

    /** What is open of it: there it is found when it has no name any more. */
    private final List<Handle> handles = new ArrayList<>();

    /** Itself for the root. */
    private Node parent;

    private byte[] name;
    private long lookups;

    /** @param type of {@code S_IFMT} */
    Node(long number, Status status) {
        this.number = number;
        key = status.key();
        type = status.type();
        parent = this;
        name = new byte[0];
    }

    long number() {
        return number;
    }

    Status.Key key() {
        return key;
    }

    int type() {
        return type;
    }

    boolean isRoot() {
        return parent == this;
    }

    Node parent() {
        return parent;
    }

    byte[] name() {
        return name;
    }

    List<Handle> handles() {
        return handles;
    }

    void place(Node directory, byte[] there) {
        parent = directory;
        name = there;
    }

    void looked() {
        lookups++;
    }

    /** @return whether the guest does not know it any more */
    boolean forget(long times) {
        lookups = Long.compareUnsigned(times, lookups) >= 0 ? 0 : lookups - times;
        return lookups == 0;
    }
}
