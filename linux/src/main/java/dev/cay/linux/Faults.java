package dev.cay.linux;

/** Makes operations fail, for tests of what happens then. */
public interface Faults {
    /** Nothing fails. */
    int NONE = -1;

    /**
     * A list is about to be run or spawned. Called on the thread that does it.
     *
     * @return the index of the operation that shall fail with ENOSYS, or {@link #NONE}
     */
    int failing(OpList list);
}
