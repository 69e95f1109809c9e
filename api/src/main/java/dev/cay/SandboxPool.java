package dev.cay;

/** Sandboxes of one kind that are ready before they are asked for. Thread-safe. */
public interface SandboxPool extends AutoCloseable {
    /**
     * Takes a sandbox out of the pool, or makes one if it is empty; another is made in the background. It is the caller's from
     * now on.
     *
     * @throws SandboxException as {@link Sandboxes#create} does
     */
    Sandbox take();

    /** How many are ready now. */
    int ready();

    /** Ends those that nobody has taken. */
    @Override
    void close();
}
