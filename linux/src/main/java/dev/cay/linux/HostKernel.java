package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * The kernel of this machine, called from this process.
 *
 * <p>A list that is spawned runs in a child that shares this process's memory, while the thread that made it waits in the
 * kernel (CLONE_VM|CLONE_VFORK; see {@code launcher-*.S}). Opening one makes this process undumpable for good: until such
 * a child has called execve, whoever may look into it could read the JVM's memory. Where executable memory is refused, a
 * process of its own makes the child ({@link ProcessLauncher}).
 */
public final class HostKernel implements LocalKernel, AutoCloseable {
    private static volatile Optional<Observer> observer = Optional.empty();
    private static volatile Faults faults = list -> Faults.NONE;

    private final Spawner spawner = new Spawner();
    private final Launcher launcher;
    private final Fd ownHostname;

    /**
     * @throws SyscallException if this process may not do what an engine has to
     */
    public HostKernel() throws SyscallException {
        this(Native.hasMachineCode());
    }

    /** @param inThread whether children may be made by a thread of this process */
    HostKernel(boolean inThread) throws SyscallException {
        run(OpList.of(Processes.undumpable()));
        keepChildren();
        Op own = FileOps.open("/proc/thread-self/ns/uts", FileOps.O_RDONLY);
        ownHostname = run(OpList.of(own)).fd(own);
        launcher = inThread ? new ThreadLauncher() : new ProcessLauncher(this);
    }

    /** A process that was started with SIGCHLD ignored could not learn how its children ended. */
    private void keepChildren() throws SyscallException {
        Arg.Buffer action = new Arg.Buffer(Processes.SIGACTION_SIZE);
        Results results = run(OpList.of(Processes.askChildren(action)));
        if (ByteBuffer.wrap(results.bytes(action))
                        .order(ByteOrder.nativeOrder())
                        .getLong(0)
                == Processes.SIG_IGN) {
            run(OpList.of(Processes.keepChildren()));
        }
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

    /** Not what the list itself has closed: that number can be somebody else's by now. */
    static void closeOpened(OpList list, Encoding encoding) {
        for (int i = 0; i < encoding.failed(); i++) {
            Op operation = list.operations().get(i);
            if (operation.opens() && encoding.result(i) >= 0 && !list.closes(operation, encoding.failed())) {
                Native.call(SystemCall.CLOSE, encoding.result(i));
            }
        }
    }

    @Override
    public Child spawn(OpList list, Birth birth) throws SyscallException {
        // A virtual thread must not hold its carrier for a millisecond.
        return Thread.currentThread().isVirtual()
                ? spawner.call(() -> launcher.spawn(list, birth, observer))
                : launcher.spawn(list, birth, observer);
    }

    /** Runs a list in a child that has our descriptors, up to its end; what the list changes about the child ends with it. */
    Results visit(OpList list) throws SyscallException {
        return Thread.currentThread().isVirtual()
                ? spawner.call(() -> launcher.visit(list, observer))
                : launcher.visit(list, observer);
    }

    /** The same with a list in which a process is made that goes on with it: that one is returned. */
    Child spawn(OpList list, Op maker) throws SyscallException {
        return Thread.currentThread().isVirtual()
                ? spawner.call(() -> launcher.spawn(list, maker, observer))
                : launcher.spawn(list, maker, observer);
    }

    /** {@inheritDoc} The calling thread is there for three system calls, in which no Java runs. */
    @Override
    public void sethostname(Child member, String name) throws SyscallException {
        Op set = Namespaces.sethostname(name).tolerating(Errno.EPERM, Errno.EINVAL, Errno.EFAULT, Errno.ENAMETOOLONG);
        Op back = Namespaces.enter(ownHostname, Namespaces.UTS);
        Results results = run(OpList.of(Namespaces.enter(member.pidfd(), Namespaces.UTS), set, back));
        if (results.failed(set)) {
            throw new SyscallException("sethostname", name, (int) -results.value(set));
        }
    }

    @Override
    public HostKernel host() {
        return this;
    }

    @Override
    public OwnedNamespaces namespaces(Optional<OwnedNamespaces.Maps> user, boolean network) throws SyscallException {
        return OwnedNamespaces.create(this, user, network);
    }

    /** Lets somebody watch all lists of this process. Each operation then takes about 0.1 µs longer. */
    public static void observe(Observer watching) {
        observer = Optional.of(watching);
    }

    /** Lets operations of this process fail, for tests. */
    public static void inject(Faults injected) {
        faults = injected;
    }

    /** The operation of a list that shall fail, or {@link Faults#NONE}. */
    static int failing(OpList list) {
        return faults.failing(list);
    }

    /** Ends the threads that made children; these go on. */
    @Override
    public void close() {
        spawner.close();
        launcher.close();
        ownHostname.close();
    }
}
