package dev.cay.linux;

import java.util.Optional;

/**
 * The kernel of this machine, called from this process.
 *
 * <p>A list that is spawned runs in a child that shares this process's memory, while the thread that made it waits in the
 * kernel (CLONE_VM|CLONE_VFORK; see {@code launcher-*.S}). Opening one makes this process undumpable for good: until such
 * a child has called execve, whoever may look into it could read the JVM's memory.
 */
public final class HostKernel implements Kernel, AutoCloseable {
    private static final long CLONE_VM = 0x100;
    private static final long CLONE_PIDFD = 0x1000;
    private static final long CLONE_VFORK = 0x4000;
    private static final long CLONE_CLEAR_SIGHAND = 0x1_0000_0000L;
    private static final long CLONE_INTO_CGROUP = 0x2_0000_0000L;
    private static final long CHILD = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;

    private static volatile Optional<Observer> observer = Optional.empty();

    private final Spawner spawner = new Spawner();
    private final Fd ownPidNamespace;

    /**
     * @throws SyscallException if this process may not do what an engine has to
     */
    public HostKernel() throws SyscallException {
        run(OpList.of(Processes.undumpable()));
        Op open = FileOps.open("/proc/thread-self/ns/pid", FileOps.O_RDONLY);
        ownPidNamespace = run(OpList.of(open)).fd(open);
    }

    @Override
    public Results run(OpList list) throws SyscallException {
        Optional<Observer> watching = observer;
        try (Encoding encoding = new Encoding(list, watching.isPresent())) {
            Native.runList(encoding.address());
            watching.ifPresent(one -> one.ran(list, encoding.times()));
            if (encoding.failed() < 0) {
                return encoding.results();
            }
            closeOpened(list, encoding);
            throw encoding.failure();
        }
    }

    private static void closeOpened(OpList list, Encoding encoding) {
        for (int i = 0; i < encoding.failed(); i++) {
            if (list.operations().get(i).opens() && encoding.result(i) >= 0) {
                Native.call(SystemCall.CLOSE, encoding.result(i));
            }
        }
    }

    @Override
    public Child spawn(OpList list, Birth birth) throws SyscallException {
        // The parent-death signal follows the thread, and a virtual thread must not hold its carrier for a millisecond.
        return birth.diesWithCaller() || Thread.currentThread().isVirtual()
                ? spawner.call(() -> spawnHere(list, birth))
                : spawnHere(list, birth);
    }

    private Child spawnHere(OpList list, Birth birth) throws SyscallException {
        Optional<Observer> watching = observer;
        try (Encoding encoding = new Encoding(list, watching.isPresent())) {
            encoding.birth(
                    CHILD | birth.namespaces() | (birth.cgroup().isPresent() ? CLONE_INTO_CGROUP : 0),
                    birth.cgroup().map(Fd::number).orElse(0));
            long pid = birth.pidNamespaceOf().isPresent()
                    ? spawnInto(birth.pidNamespaceOf().get(), encoding)
                    : Native.spawn(encoding.address());
            Native.check(pid, SystemCall.CLONE3, "");
            watching.ifPresent(one -> one.ran(list, encoding.times()));
            Child child = new Child((int) pid, new Fd(encoding.pidfd()));
            if (encoding.failed() < 0) {
                return child;
            }
            child.await();
            child.close();
            throw encoding.failure();
        }
    }

    /** Between the two setns calls this thread's future children, and nothing else, belong to the other namespace. */
    private long spawnInto(Child member, Encoding encoding) throws SyscallException {
        Native.check(
                Native.call(SystemCall.SETNS, member.pidfd().number(), Namespaces.PID), SystemCall.SETNS, "pid namespace");
        try {
            return Native.spawn(encoding.address());
        } finally {
            long back = Native.call(SystemCall.SETNS, ownPidNamespace.number(), Namespaces.PID);
            if (Native.failed(back)) {
                throw new IllegalStateException("this thread cannot return to its pid namespace: " + Errno.nameOf((int) -back));
            }
        }
    }

    /** Lets somebody watch all lists of this process. Each operation then takes about 0.1 µs longer. */
    public static void observe(Observer watching) {
        observer = Optional.of(watching);
    }

    /** Ends the threads that made children: whichever of these asked for a parent-death signal gets it now. */
    @Override
    public void close() {
        spawner.close();
        ownPidNamespace.close();
    }

    /** Says why lists cannot be spawned on this machine, if they cannot. */
    public static Optional<String> obstacle() {
        return Native.hasMachineCode() ? Optional.empty() : Optional.of("executable memory is refused");
    }
}
