package dev.cay.engine.container;

import dev.cay.ExecutionUsage;
import dev.cay.Limits;
import dev.cay.SandboxException;
import dev.cay.Usage;
import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.linux.Arg;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The control groups of one sandbox: limits, accounting and the certain death of everything in it. Thread-safe.
 *
 * <p>In the version 2 tree each execution has a child group, so that it can be killed with all its descendants. Version 1
 * trees, where a machine has them, hold limits only: a process joins them by writing into their {@code tasks}.
 */
final class Cgroup implements Group {
    private static final int REMOVAL_ATTEMPTS = 2000;

    /** A process that is in the middle of a system call stands still when that is over: so many milliseconds are waited for it. */
    private static final int FREEZING_ATTEMPTS = 5000;

    private static final int EVENTS_SIZE = 256;
    private static final int AT_REMOVEDIR = 0x200;

    private final CgroupParent parent;
    private final String name;
    private final Set<Controller> legacy;
    private final CgroupAccounts accounts;

    /** As whom the first process runs, which makes the processes of executions in their groups. */
    private final int stubId;

    private final GroupReserve reserve = new GroupReserve(new GroupReserve.Maker() {
        @Override
        public Entrance make() throws SyscallException {
            return enterExecution(nextExecution());
        }

        @Override
        public void remove(String group) {
            leave(group);
        }
    });

    private final AtomicInteger executions = new AtomicInteger(UNSEEN_NUMBERS);

    /** The groups of executions that exist. */
    private final Set<String> occupied = ConcurrentHashMap.newKeySet();

    private Cgroup(CgroupParent parent, String name, Set<Controller> legacy, int stubId) {
        this.parent = parent;
        this.name = name;
        this.legacy = legacy;
        accounts = new CgroupAccounts(parent, name, legacy.contains(Controller.IO));
        this.stubId = stubId;
    }

    /**
     * Makes the groups, all or none. Those of version 1 cost time, so none is made for io that is not limited. But every sandbox has
     * one for the processor: outside of any, setsid(2) puts each session into a scheduling group of its own, which takes
     * milliseconds under load.
     *
     * @param limitedIo whether there will be limits of io
     * @param stubId as whom the first process runs; 0 for the host's root
     */
    static Cgroup create(CgroupParent parent, String name, boolean limitedIo, int stubId) throws SyscallException {
        Cgroup cgroup = open(parent, name, limitedIo, stubId);
        Set<Controller> legacy = cgroup.legacy;
        OpList.Builder list = OpList.builder();
        list.add(FileOps.mkdir(Arg.of(parent.unified()), name, 0755));
        cgroup.allowStub(list, name);
        for (Controller controller : legacy) {
            list.add(FileOps.mkdir(Arg.of(parent.directory(controller)), name, 0755));
        }
        try {
            parent.run(list.build());
        } catch (SyscallException e) {
            cgroup.close();
            throw e;
        }
        return cgroup;
    }

    /** Who makes a process in a group must be allowed to move one from there to here; see clone(2), CLONE_INTO_CGROUP. */
    private void allowStub(OpList.Builder list, String group) {
        if (stubId != 0) {
            list.add(FileOps.chown(Arg.of(parent.unified()), group + "/cgroup.procs", stubId, stubId));
        }
    }

    /** The groups that have been made for a sandbox. */
    static Cgroup open(CgroupParent parent, String name, boolean limitedIo, int stubId) {
        Set<Controller> legacy = EnumSet.noneOf(Controller.class);
        for (Controller controller : Controller.values()) {
            if (parent.isLegacy(controller) && (controller != Controller.IO || limitedIo)) {
                legacy.add(controller);
            }
        }
        return new Cgroup(parent, name, legacy, stubId);
    }

    @Override
    public void limit(Limits limits) throws SyscallException {
        parent.run(CgroupLimits.list(parent, name, limits));
    }

    /** The group of version 2 that a process is born in, and those of version 1 that it joins by itself. */
    record Entrance(Optional<String> execution, Optional<Fd> unified, List<Fd> tasks) implements AutoCloseable {
        /** What the process does first, while it still may. */
        void join(OpList.Builder list) {
            for (Fd file : tasks) {
                list.add(FileOps.write(Arg.of(file), "tasks", "0"));
            }
        }

        @Override
        public void close() {
            unified.ifPresent(Fd::close);
            tasks.forEach(Fd::close);
        }
    }

    @Override
    public boolean tracks() {
        return true;
    }

    @Override
    public boolean limitsProcesses() {
        return !parent.hierarchies().missing().contains(Controller.PIDS);
    }

    @Override
    public Entrance enter() throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op unified = list.add(openGroup(name));
        List<Op> tasks = new ArrayList<>();
        for (Controller controller : legacy) {
            tasks.add(list.add(
                    FileOps.openAt(Arg.of(parent.directory(controller)), name + "/tasks", FileOps.O_WRONLY, 0)));
        }
        Results results = parent.run(list.build());
        return new Entrance(
                Optional.empty(),
                Optional.of(results.fd(unified)),
                tasks.stream().map(results::fd).toList());
    }

    @Override
    public void born(Child first) {
        // the kernel knows who is in the group
    }

    @Override
    public void joined(String group, Child process) {
        // the same
    }

    @Override
    public int nextExecution() {
        return executions.incrementAndGet();
    }

    @Override
    public Entrance enterNext() throws SyscallException {
        return reserve.take();
    }

    @Override
    public void release(String group) {
        reserve.leave(group);
    }

    @Override
    public Entrance enterExecution(int number) throws SyscallException {
        String group = group(number);
        occupied.add(group);
        OpList.Builder list = OpList.builder();
        list.add(FileOps.mkdir(Arg.of(parent.unified()), group, 0755).tolerating(Errno.EEXIST));
        allowStub(list, group);
        Op unified = list.add(openGroup(group));
        try {
            return new Entrance(
                    Optional.of(group), Optional.of(parent.run(list.build()).fd(unified)), List.of());
        } catch (SyscallException e) {
            leave(group);
            throw e;
        }
    }

    @Override
    public String group(int number) {
        return name + "/" + number;
    }

    @Override
    public Optional<Fd> openKill(String group) throws SyscallException {
        Op open = FileOps.openAt(Arg.of(parent.unified()), group + "/cgroup.kill", FileOps.O_WRONLY, 0);
        return Optional.of(parent.run(OpList.of(open)).fd(open));
    }

    private Op openGroup(String group) {
        return FileOps.openAt(Arg.of(parent.unified()), group, FileOps.O_RDONLY | FileOps.O_DIRECTORY, 0);
    }

    @Override
    public void kill() {
        kill(name);
    }

    @Override
    public void killExecutions() {
        for (String execution : parent.children(name)) {
            kill(name + "/" + execution);
        }
    }

    /** {@inheritDoc} The first process is in none of their groups: it goes on, and so whoever asks it is answered. */
    @Override
    public void freeze(boolean frozen) {
        for (String execution : parent.children(name)) {
            String file = name + "/" + execution + "/cgroup.freeze";
            OpList.Builder list = OpList.builder();
            Op open = list.add(FileOps.openAt(Arg.of(parent.unified()), file, FileOps.O_WRONLY, 0));
            list.add(FileOps.write(Arg.of(open), file, frozen ? "1" : "0"));
            list.add(FileOps.close(open));
            try {
                parent.run(list.build());
                for (int i = 0; frozen && i < FREEZING_ATTEMPTS && !isFrozen(execution); i++) {
                    LockSupport.parkNanos(1_000_000);
                }
            } catch (SyscallException e) {
                if (!e.is(Errno.ENOENT) && !e.is(Errno.ENODEV)) { // it has just ended
                    throw failed(e);
                }
            }
        }
    }

    private boolean isFrozen(String execution) throws SyscallException {
        Arg.Buffer events = new Arg.Buffer(EVENTS_SIZE);
        Op open = FileOps.openAt(
                Arg.of(parent.unified()), name + "/" + execution + "/cgroup.events", FileOps.O_RDONLY, 0);
        Op read = FileOps.read(Arg.of(open), events);
        Results results = parent.run(OpList.of(open, read, FileOps.close(open)));
        results.fd(open);
        String text = new String(results.bytes(events), 0, (int) results.value(read), StandardCharsets.US_ASCII);
        return text.contains("frozen 1") || text.contains("populated 0");
    }

    @Override
    public void letGo() {
        reserve.close();
        parent.letGo();
    }

    /** {@inheritDoc} Wherever their sessions and process groups are. */
    @Override
    public void kill(String group) {
        OpList.Builder list = OpList.builder();
        Op open = list.add(FileOps.openAt(Arg.of(parent.unified()), group + "/cgroup.kill", FileOps.O_WRONLY, 0));
        list.add(FileOps.write(Arg.of(open), group + "/cgroup.kill", "1"));
        list.add(FileOps.close(open));
        try {
            parent.run(list.build());
        } catch (SyscallException e) {
            if (!e.is(Errno.ENOENT) && !e.is(Errno.ENODEV)) {
                throw failed(e);
            }
        }
    }

    @Override
    public void leave(String execution) {
        Op remove = removal(parent.unified(), execution);
        try {
            if (!isBusy(parent.run(OpList.of(remove)), remove)) {
                occupied.remove(execution);
            }
        } catch (SyscallException e) {
            throw failed(e);
        }
    }

    @Override
    public boolean diesAsAWhole() {
        return !parent.isLegacy(Controller.MEMORY);
    }

    @Override
    public OomWatch watchMemory(Kernel kernel) throws SyscallException {
        return parent.isLegacy(Controller.MEMORY)
                ? OomWatch.legacy(kernel, parent.directory(Controller.MEMORY), name)
                : OomWatch.unified(kernel, parent.unified(), name);
    }

    @Override
    public long oomKills() {
        return accounts.oomKills();
    }

    @Override
    public Usage usage() {
        return accounts.usage();
    }

    @Override
    public Optional<ExecutionUsage> usage(String group) {
        return accounts.usage(group);
    }

    static SandboxException failed(SyscallException e) {
        return new SandboxException.HostFailed("a control group failed: " + e.getMessage(), "", e);
    }

    private static Op removal(Fd directory, String path) {
        return FileOps.unlink(Arg.of(directory), path, AT_REMOVEDIR).tolerating(Errno.EBUSY, Errno.ENOENT);
    }

    private static boolean isBusy(Results results, Op removal) {
        return results.value(removal) == -Errno.EBUSY.number();
    }

    /** What has just died keeps its group busy for a moment, and what other processes have run in here has groups of its own. */
    @Override
    public void close() {
        reserve.close();
        for (int attempt = 0; !remove(); attempt++) {
            if (attempt == REMOVAL_ATTEMPTS) {
                throw new SandboxException.HostFailed(
                        "the control group " + name + " stays busy", "see which processes are in it", null);
            }
            parent.children(name).forEach(execution -> occupied.add(name + "/" + execution));
            LockSupport.parkNanos(100_000);
        }
    }

    /** Whether none of the groups was busy. */
    private boolean remove() {
        List<Op> removals = new ArrayList<>();
        for (String execution : occupied) {
            removals.add(removal(parent.unified(), execution));
        }
        for (Controller controller : legacy) {
            removals.add(removal(parent.directory(controller), name));
        }
        removals.add(removal(parent.unified(), name));
        try {
            Results results = parent.run(OpList.of(removals.toArray(Op[]::new)));
            for (Op removal : removals) {
                if (isBusy(results, removal)) {
                    return false;
                }
            }
            return true;
        } catch (SyscallException e) {
            throw failed(e);
        }
    }
}
