package dev.cay.engine.container;

import dev.cay.IoLimits;
import dev.cay.Limits;
import dev.cay.SandboxException;
import dev.cay.Size;
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
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
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
    /** What the kernel measures cpu quotas over; its own default. */
    private static final long PERIOD_MICROSECONDS = 100_000;

    private static final int MAXIMUM_FILE = 32 * 1024;
    private static final int REMOVAL_ATTEMPTS = 2000;
    private static final int AT_REMOVEDIR = 0x200;

    private final CgroupParent parent;
    private final String name;
    private final Set<Controller> legacy;

    /** As whom the first process runs, which makes the processes of executions in their groups. */
    private final int stubId;

    private final AtomicInteger executions = new AtomicInteger(UNSEEN_NUMBERS);

    /** The groups of executions that exist. */
    private final Set<String> occupied = ConcurrentHashMap.newKeySet();

    /** Whether there are such that others made. */
    private volatile boolean othersExpected;

    private Cgroup(CgroupParent parent, String name, Set<Controller> legacy, int stubId) {
        this.parent = parent;
        this.name = name;
        this.legacy = legacy;
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
        OpList.Builder list = OpList.builder();
        limit(list, limits);
        parent.run(list.build());
    }

    private void limit(OpList.Builder list, Limits limits) throws SyscallException {
        NoCgroup.require(limits, parent.hierarchies().missing());
        if (limitsProcesses()) {
            write(list, Controller.PIDS, "pids.max", Integer.toString(limits.pids()));
        }
        limits.memory().ifPresent(memory -> limitMemory(list, Long.toString(memory.bytes())));
        if (limits.cpus().isPresent()) {
            String quota = Long.toString(Math.round(limits.cpus().getAsDouble() * PERIOD_MICROSECONDS));
            if (parent.isLegacy(Controller.CPU)) {
                write(list, Controller.CPU, "cpu.cfs_period_us", Long.toString(PERIOD_MICROSECONDS));
                write(list, Controller.CPU, "cpu.cfs_quota_us", quota);
            } else {
                write(list, Controller.CPU, "cpu.max", quota + " " + PERIOD_MICROSECONDS);
            }
        }
        limits.cpuWeight().ifPresent(weight -> limitCpuWeight(list, weight));
        if (!limits.io().isNone()) {
            limitIo(list, limits.io());
        }
    }

    private void limitMemory(OpList.Builder list, String bytes) {
        if (parent.isLegacy(Controller.MEMORY)) {
            write(list, Controller.MEMORY, "memory.limit_in_bytes", bytes);
            // Memory and swap together: no more than memory alone. Absent where the kernel does not account for swap.
            write(list, Controller.MEMORY, "memory.memsw.limit_in_bytes", bytes, Errno.ENOENT);
        } else {
            // Who is killed here takes along all of the group, and whoever shares his memory: that is nobody outside of
            // it, since
            // the first process has its own by now, and all others are its children.
            write(list, Controller.MEMORY, "memory.oom.group", "1");
            write(list, Controller.MEMORY, "memory.max", bytes);
            write(list, Controller.MEMORY, "memory.swap.max", "0", Errno.ENOENT);
        }
    }

    private void limitCpuWeight(OpList.Builder list, int weight) {
        if (parent.isLegacy(Controller.CPU)) {
            // 100 of 1 to 10000 is what 1024 of 2 to 262144 is.
            write(list, Controller.CPU, "cpu.shares", Long.toString(Math.max(2, Math.round(weight * 10.24))));
        } else {
            write(list, Controller.CPU, "cpu.weight", Integer.toString(weight));
        }
    }

    private void limitIo(OpList.Builder list, IoLimits limits) throws SyscallException {
        for (String device : BlockDevices.numbers()) {
            if (parent.isLegacy(Controller.IO)) {
                throttle(list, "blkio.throttle.read_bps_device", device, limits.readBytes());
                throttle(list, "blkio.throttle.write_bps_device", device, limits.writeBytes());
                throttle(list, "blkio.throttle.read_iops_device", device, limits.readOperations());
                throttle(list, "blkio.throttle.write_iops_device", device, limits.writeOperations());
            } else {
                write(
                        list,
                        Controller.IO,
                        "io.max",
                        device
                                + limit(" rbps=", limits.readBytes())
                                + limit(" wbps=", limits.writeBytes())
                                + limit(" riops=", limits.readOperations())
                                + limit(" wiops=", limits.writeOperations()));
            }
        }
    }

    private void throttle(OpList.Builder list, String file, String device, OptionalLong limit) {
        limit.ifPresent(value -> write(list, Controller.IO, file, device + " " + value));
    }

    private static String limit(String key, OptionalLong value) {
        return value.isPresent() ? key + value.getAsLong() : "";
    }

    private void write(OpList.Builder list, Controller controller, String file, String text) {
        Op open =
                list.add(FileOps.openAt(Arg.of(parent.directory(controller)), name + "/" + file, FileOps.O_WRONLY, 0));
        list.add(FileOps.write(Arg.of(open), file + " = " + text, text));
        list.add(FileOps.close(open));
    }

    /** The same for a file that may be missing: then nothing is written. */
    private void write(OpList.Builder list, Controller controller, String file, String text, Errno missing) {
        Op open = list.add(FileOps.openAt(Arg.of(parent.directory(controller)), name + "/" + file, FileOps.O_WRONLY, 0)
                .tolerating(missing));
        list.add(FileOps.write(Arg.of(open), file + " = " + text, text).tolerating(Errno.EBADF));
        list.add(FileOps.close(open).tolerating(Errno.EBADF));
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

    @Override
    public void expectOthers() {
        othersExpected = true;
    }

    @Override
    public void letGo() {
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
        Op remove = removal(parent.unified(), execution).tolerating(Errno.EBUSY, Errno.ENOENT);
        try {
            if (parent.run(OpList.of(remove)).value(remove) != -Errno.EBUSY.number()) {
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
        try {
            return countOomKills();
        } catch (SandboxException.HostFailed e) {
            if (e.getCause() instanceof SyscallException gone && (gone.is(Errno.ENOENT) || gone.is(Errno.ENODEV))) {
                return 0;
            }
            throw e;
        }
    }

    private long countOomKills() {
        return parent.isLegacy(Controller.MEMORY)
                ? field(read(Controller.MEMORY, "memory.oom_control"), "oom_kill")
                : field(read(Controller.MEMORY, "memory.events"), "oom_kill");
    }

    @Override
    public Usage usage() {
        if (!parent.hierarchies().missing().isEmpty()) {
            throw NoCgroup.noAccounts();
        }
        boolean old = parent.isLegacy(Controller.MEMORY);
        // The version 2 tree accounts for processor time even where its cpu controller is off.
        long cpu = field(read(parent.unified(), "cpu.stat"), "usage_usec");
        return new Usage(
                Duration.ofNanos(cpu * 1000),
                Size.bytes(number(read(Controller.MEMORY, old ? "memory.usage_in_bytes" : "memory.current"))),
                Size.bytes(number(read(Controller.MEMORY, old ? "memory.max_usage_in_bytes" : "memory.peak"))),
                number(read(Controller.PIDS, "pids.current")),
                ioBytes("Read", "rbytes"),
                ioBytes("Write", "wbytes"),
                oomKills());
    }

    private Optional<Size> ioBytes(String legacyKey, String unifiedKey) {
        if (!parent.isLegacy(Controller.IO)) {
            return Optional.of(Size.bytes(sum(read(Controller.IO, "io.stat"), unifiedKey + "=")));
        }
        return legacy.contains(Controller.IO)
                ? Optional.of(Size.bytes(sum(read(Controller.IO, "blkio.throttle.io_service_bytes"), legacyKey + " ")))
                : Optional.empty();
    }

    private String read(Controller controller, String file) {
        return read(parent.directory(controller), file);
    }

    private String read(Fd directory, String file) {
        Arg.Buffer buffer = new Arg.Buffer(MAXIMUM_FILE);
        Op open = FileOps.openAt(Arg.of(directory), name + "/" + file, FileOps.O_RDONLY, 0);
        Op read = FileOps.read(Arg.of(open), buffer);
        try {
            Results results = parent.run(OpList.of(open, read, FileOps.close(open)));
            return new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.US_ASCII);
        } catch (SyscallException e) {
            throw failed(e);
        }
    }

    static long number(String text) {
        return Long.parseLong(text.trim());
    }

    private static SandboxException failed(SyscallException e) {
        return new SandboxException.HostFailed("a control group failed: " + e.getMessage(), "", e);
    }

    /** The number that stands behind a key at the beginning of a line; 0 if none does. */
    static long field(String text, String key) {
        for (String line : text.split("\n")) {
            if (line.startsWith(key) && line.length() > key.length() && line.charAt(key.length()) == ' ') {
                return number(line.substring(key.length() + 1));
            }
        }
        return 0;
    }

    /** The sum, over all lines, of the numbers that stand behind a key; 0 if there is none. */
    static long sum(String text, String key) {
        long sum = 0;
        for (String line : text.split("\n")) {
            int at = line.indexOf(key);
            if (at >= 0) {
                int end = line.indexOf(' ', at + key.length());
                sum += number(line.substring(at + key.length(), end < 0 ? line.length() : end));
            }
        }
        return sum;
    }

    private static Op removal(Fd directory, String path) {
        return FileOps.unlink(Arg.of(directory), path, AT_REMOVEDIR);
    }

    @Override
    public void close() {
        if (othersExpected) {
            parent.children(name).forEach(execution -> occupied.add(name + "/" + execution));
        }
        for (String execution : occupied) {
            remove(parent.unified(), execution);
        }
        for (Controller controller : legacy) {
            remove(parent.directory(controller), name);
        }
        remove(parent.unified(), name);
    }

    /** What has just died keeps its group busy for a moment. */
    private void remove(Fd directory, String path) {
        for (int attempt = 0; ; attempt++) {
            Op remove = removal(directory, path).tolerating(Errno.EBUSY, Errno.ENOENT);
            try {
                if (parent.run(OpList.of(remove)).value(remove) != -Errno.EBUSY.number()) {
                    return;
                }
            } catch (SyscallException e) {
                throw failed(e);
            }
            if (attempt == REMOVAL_ATTEMPTS) {
                throw new SandboxException.HostFailed(
                        "the control group " + path + " stays busy", "see which processes are in it", null);
            }
            LockSupport.parkNanos(100_000);
        }
    }
}
