package dev.cay.linux;

import java.util.Optional;

/** Makes a process that runs a list. */
sealed interface Launcher extends AutoCloseable permits ThreadLauncher, ProcessLauncher {
    long CLONE_VM = 0x100;
    long CLONE_FILES = 0x400;
    long CLONE_VFORK = 0x4000;
    long CLONE_CLEAR_SIGHAND = 0x1_0000_0000L;
    long CLONE_INTO_CGROUP = 0x2_0000_0000L;

    /** Blocks this thread up to the list's execve or end, and is the child's parent. */
    Child spawn(OpList list, Birth birth, Optional<Observer> watching) throws SyscallException;

    /**
     * Blocks this thread up to the end of a list that runs in a child with our descriptors and then ends. The results are those of the
     * operations.
     */
    Results visit(OpList list, Optional<Observer> watching) throws SyscallException;

    /** The same with a list in which a process is made that goes on with it, up to its execve or end: that one is returned. */
    Child spawn(OpList list, Op maker, Optional<Observer> watching) throws SyscallException;

    /** The flags of clone3 that every child has, and those that its birth asks for. */
    static long flags(Birth birth) {
        return CLONE_VM
                | CLONE_VFORK
                | CLONE_CLEAR_SIGHAND
                | birth.namespaces()
                | (birth.cgroup().isPresent() ? CLONE_INTO_CGROUP : 0);
    }

    /** The child, if its list came to its execve or end; else it is reaped, since it has ended. */
    static Child born(Child child, Encoding encoding) throws SyscallException {
        if (encoding.failed() < 0) {
            return child;
        }
        child.await();
        child.close();
        throw encoding.failure();
    }

    /** {@code int pidfd_open(pid_t pid, unsigned int flags)} pidfd_open(2), of a child that nobody else reaps. */
    static Fd pidfd(int pid) throws SyscallException {
        return new Fd((int) Native.check(Native.call(SystemCall.PIDFD_OPEN, pid, 0), SystemCall.PIDFD_OPEN, ""));
    }

    @Override
    void close();
}
