package dev.cay.linux;

import java.util.Optional;

/** Makes a process that runs a list. */
sealed interface Launcher extends AutoCloseable permits ThreadLauncher, ProcessLauncher {
    long CLONE_VM = 0x100;
    long CLONE_VFORK = 0x4000;
    long CLONE_CLEAR_SIGHAND = 0x1_0000_0000L;
    long CLONE_INTO_CGROUP = 0x2_0000_0000L;

    /** Blocks this thread up to the list's execve or end, and is the child's parent. */
    Child spawn(OpList list, Birth birth, Optional<Observer> watching) throws SyscallException;

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

    @Override
    void close();
}
