package dev.cay.linux;

/** Is told how long the operations of a list took; for benchmarks. */
public interface Observer {
    /**
     * A list has been run or spawned. Called on the thread that ran it.
     *
     * @param nanoseconds for each operation; of a list that ended in another program those before its execve
     */
    void ran(OpList list, long[] nanoseconds);
}
