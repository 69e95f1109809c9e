package dev.cay.engine.container;

import dev.cay.ExecutionUsage;
import dev.cay.Limits;
import dev.cay.SandboxException;
import dev.cay.Usage;
import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.UncheckedIOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * For users who may make no control groups. The sandbox dies with its first process, an execution with its process group: what has
 * left that goes with the sandbox. Nothing is limited as a whole and nothing is accounted for, and who asks for it is told so.
 */
final class NoCgroup implements Group {
    private static final String HINT =
            "run as root, or have control groups delegated to this user: 'cay doctor' says how";

    private final AtomicReference<Optional<Child>> first = new AtomicReference<>(Optional.empty());
    private final AtomicInteger executions = new AtomicInteger(UNSEEN_NUMBERS);
    private final Map<String, Child> processes = new ConcurrentHashMap<>();

    /** Where nobody makes any. */
    static Source source() {
        return new Source() {
            @Override
            public Group create(String name, boolean limitedIo, int stubId) {
                return new NoCgroup();
            }

            @Override
            public Group open(String name, boolean limitedIo, int stubId) {
                return new NoCgroup();
            }

            @Override
            public boolean exists(String name) {
                return false;
            }

            @Override
            public void remove(String name) {
                // there is none
            }

            @Override
            public void close() {
                // nothing is held
            }
        };
    }

    @Override
    public void limit(Limits limits) {
        require(limits, EnumSet.allOf(Controller.class));
    }

    /** Refuses limits of which the controllers are missing; that of processes there is without one. */
    static void require(Limits limits, Set<Controller> missing) {
        check(limits.memory().isPresent(), missing, Controller.MEMORY, "memory");
        check(limits.cpus().isPresent() || limits.cpuWeight().isPresent(), missing, Controller.CPU, "the processor");
        check(!limits.io().isNone(), missing, Controller.IO, "io");
    }

    private static void check(boolean wanted, Set<Controller> missing, Controller controller, String what) {
        if (wanted && missing.contains(controller)) {
            throw new SandboxException.Unsupported(
                    what + " cannot be limited: this user has no control group that does it", HINT);
        }
    }

    static SandboxException noAccounts() {
        return new SandboxException.Unsupported(
                "what a sandbox uses is not known: this user has no control groups that keep accounts", HINT);
    }

    @Override
    public boolean tracks() {
        return false;
    }

    @Override
    public boolean limitsProcesses() {
        return false;
    }

    @Override
    public Cgroup.Entrance enter() {
        return new Cgroup.Entrance(Optional.empty(), Optional.empty(), List.of());
    }

    @Override
    public void born(Child process) {
        first.set(Optional.of(process));
    }

    @Override
    public int nextExecution() {
        return executions.incrementAndGet();
    }

    @Override
    public Cgroup.Entrance enterNext() {
        return enterExecution(nextExecution());
    }

    @Override
    public void release(String group) {
        leave(group);
    }

    @Override
    public Cgroup.Entrance enterExecution(int number) {
        return new Cgroup.Entrance(Optional.of(group(number)), Optional.empty(), List.of());
    }

    @Override
    public String group(int number) {
        return Integer.toString(number);
    }

    @Override
    public void joined(String group, Child process) {
        processes.put(group, process);
    }

    @Override
    public Optional<Fd> openKill(String group) {
        return Optional.empty();
    }

    @Override
    public void freeze(boolean frozen) {
        throw new SandboxException.Unsupported(
                "a sandbox cannot be paused: this user has no control group that could hold its processes", HINT);
    }

    @Override
    public void kill() {
        first.get().ifPresent(process -> signal(process::signal));
    }

    /** One that is not known yet hangs on its way to its execve: it is killed with all others rather than not at all. */
    @Override
    public void kill(String group) {
        Child process = processes.get(group);
        if (process == null) {
            kill();
        } else {
            signal(process::signalGroup);
        }
    }

    @Override
    public void killExecutions() {
        processes.values().forEach(process -> signal(process::signalGroup));
    }

    @Override
    public void letGo() {
        close();
    }

    private interface Signalling {
        void signal(int number) throws SyscallException;
    }

    private static void signal(Signalling process) {
        try {
            process.signal(Processes.SIGKILL);
        } catch (SyscallException e) {
            if (!e.is(Errno.ESRCH)) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Override
    public void leave(String group) {
        processes.remove(group);
    }

    @Override
    public boolean diesAsAWhole() {
        return false;
    }

    @Override
    public OomWatch watchMemory(Kernel kernel) {
        throw new IllegalStateException("memory is not limited");
    }

    @Override
    public long oomKills() {
        return 0;
    }

    @Override
    public Optional<ExecutionUsage> usage(String group) {
        return Optional.empty();
    }

    @Override
    public Usage usage() {
        throw noAccounts();
    }

    @Override
    public void close() {
        processes.clear();
    }
}
