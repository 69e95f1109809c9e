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
     * Runs a list in a new process, up to its {@code execve} or its end. Returns when that point is reached.
     *
     * @throws SyscallException of the operation that failed; the process has ended then
     */
    Child spawn(OpList list, Birth birth) throws SyscallException;
}
