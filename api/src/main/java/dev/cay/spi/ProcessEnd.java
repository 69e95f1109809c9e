package dev.cay.spi;

/** What an engine can do for a program that ends when it has closed it. */
public interface ProcessEnd {
    /**
     * Ends this process at once: nothing of Java's is run any more, no hook and no other thread. {@link Runtime#halt} waits up to 0.3 s
     * for threads that are in native code, as those that wait for the kernel are.
     *
     * @param code its exit code
     */
    void endProcess(int code);
}
