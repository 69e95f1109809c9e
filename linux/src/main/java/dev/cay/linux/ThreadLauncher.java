package dev.cay.linux;

import java.util.Optional;

/** The launcher proper: the child runs on this process's memory while the thread that made it waits. */
final class ThreadLauncher implements Launcher {
    private static final long CLONE_PIDFD = 0x1000;

    private final Fd ownPidNamespace;

    ThreadLauncher(Kernel kernel) throws SyscallException {
        Op open = FileOps.open("/proc/thread-self/ns/pid", FileOps.O_RDONLY);
        ownPidNamespace = kernel.run(OpList.of(open)).fd(open);
    }

    @Override
    public Child spawn(OpList list, Birth birth, Optional<Observer> watching) throws SyscallException {
        try (Encoding encoding = new Encoding(list, watching.isPresent())) {
            encoding.birth(Launcher.flags(birth) | CLONE_PIDFD, birth.cgroup());
            long pid = birth.pidNamespaceOf().isPresent()
                    ? spawnInto(birth.pidNamespaceOf().get(), encoding)
                    : Native.spawn(encoding.address());
            Native.check(pid, SystemCall.CLONE3, "");
            watching.ifPresent(one -> one.ran(list, encoding.times()));
            return Launcher.born(new Child((int) pid, new Fd(encoding.child())), encoding);
        }
    }

    /** Between the two setns calls this thread's future children, and nothing else, belong to the other namespace. */
    private long spawnInto(Child member, Encoding encoding) throws SyscallException {
        Native.check(
                Native.call(SystemCall.SETNS, member.pidfd().number(), Namespaces.PID),
                SystemCall.SETNS,
                "pid namespace");
        long pid = Native.spawn(encoding.address());
        long back = Native.call(SystemCall.SETNS, ownPidNamespace.number(), Namespaces.PID);
        if (Native.failed(back)) {
            throw new IllegalStateException(
                    "this thread cannot return to its pid namespace: " + Errno.nameOf((int) -back));
        }
        return pid;
    }

    @Override
    public void close() {
        ownPidNamespace.close();
    }
}
