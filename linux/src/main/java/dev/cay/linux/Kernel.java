package dev.cay.linux;

/**
 * What runs lists of system calls: the port everything that makes a sandbox is written against. Thread-safe.
 */
public interface Kernel {
    /**
     * Runs a list in the calling thread. The list must leave no trace in the thread: what changes a thread belongs into
     * {@link #spawn}.
     *
     * @throws SyscallException of the operation that failed; descriptors opened before it are closed
     */
    Results run(OpList list) throws SyscallException;

    /**
     * Begins to run a list of operations that open nothing, whose results are waited for later: so several can be on their way, in any
     * order among each other. Where running a list is no round trip, it has been run when this returns.
     *
     * @throws SyscallException of the operation that failed, if it has been run
     */
    default Begun begin(OpList list) throws SyscallException {
        Results results = run(list);
        return new Begun() {
            @Override
            public Results results() {
                return results;
            }

            @Override
            public void close() {}
        };
    }

    /** A list that is on its way, or done. Not thread-safe. */
    interface Begun extends AutoCloseable {
        /**
         * Waits until it has been run; to be called once.
         *
         * @throws SyscallException of the operation that failed
         */
        Results results() throws SyscallException;

        /** It is waited for no more; it may still be run. */
        @Override
        void close();
    }

    /**
     * Runs a list in a new process, up to its {@code execve} or its end. Returns when that point is reached.
     *
     * @throws SyscallException of the operation that failed; the process has ended then
     */
    Child spawn(OpList list, Birth birth) throws SyscallException;
}
