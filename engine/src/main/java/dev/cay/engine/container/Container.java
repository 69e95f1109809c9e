package dev.cay.engine.container;

import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.Usage;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Kernel;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A living container: namespaces held by a sleeping first process, and what it takes to run commands in them. Thread-safe.
 */
public final class Container implements AutoCloseable {
    static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** How long who has been killed may take to end: far more than a machine with too much to do needs. */
    public static final Duration LONGEST_DEATH = Duration.ofSeconds(20);

    /** Makes what has the ids of the sandbox. */
    private final Kernel root;

    private final Kernel kernel;
    private final String id;
    private final ExecutionList.Walls walls;
    private final Group group;
    private final Child first;
    private final Stub stub;

    /** Makes the processes of commands. */
    private final Kernel inside;

    private final Cleanup cleanup;

    /** How its one command takes the place of the first process; empty if there is an init. */
    private final Optional<Takeover> takeover;

    /** As whom commands run that do not say; what the sandbox writes into its files afterwards does not change it. */
    private final Accounts.Identity defaultIdentity;

    private final MemoryGuard memory;
    private final FilesDoor files;

    Container(
            LocalKernel root,
            Preparation preparation,
            Optional<Takeover> takeover,
            ExecutionList.Walls walls,
            Accounts.Identity defaultIdentity) {
        this(root, root.host(), preparation.stub(), preparation, takeover, walls, defaultIdentity);
    }

    /** @param inside makes the processes of commands in the place of the first process */
    Container(
            Kernel root,
            Kernel kernel,
            Kernel inside,
            Preparation preparation,
            Optional<Takeover> takeover,
            ExecutionList.Walls walls,
            Accounts.Identity defaultIdentity) {
        this.takeover = takeover;
        this.root = root;
        this.kernel = kernel;
        this.inside = inside;
        this.walls = walls;
        this.defaultIdentity = defaultIdentity;
        id = preparation.id();
        group = preparation.group();
        first = preparation.first();
        memory = new MemoryGuard(kernel, group, first);
        stub = preparation.stub();
        cleanup = preparation.cleanup();
        files = new FilesDoor(kernel, first, stub, walls.means().groups(), walls.spec());
    }

    public String id() {
        return id;
    }

    /**
     * The descriptors that a command's streams become.
     *
     * @param terminal whether they are a terminal
     * @param further what else it gets, as the descriptors from {@link #FURTHER} on
     */
    public record Streams(Fd input, Fd output, Fd error, boolean terminal, List<Fd> further) {
        /** Where the further ones begin. */
        public static final int FURTHER = 3;

        public Streams {
            further = List.copyOf(further);
        }

        public Streams(Fd input, Fd output, Fd error, boolean terminal) {
            this(input, output, error, terminal, List.of());
        }

        Streams with(List<Fd> others) {
            return new Streams(input, output, error, terminal, others);
        }
    }

    /**
     * A command's process.
     *
     * @param child the process, to be reaped by whoever started it before the container can end
     * @param group the name of its control group; empty if that is the sandbox's
     * @param told what it has used when it has ended, if that was asked for
     */
    public record Process(Child child, Optional<String> group, Optional<KeptExecution> told) {}

    /**
     * Makes room for a command.
     *
     * @throws SandboxException.Closed if the container has died
     */
    public Launch prepare() throws SyscallException {
        if (takeover.isPresent()) {
            takeover.get().claim(id);
            requireAlive();
            return new Launch(Optional.empty());
        }
        requireAlive();
        return new Launch(Optional.of(group.enterNext()));
    }

    /**
     * A command that is about to be started. From the moment it belongs to the sandbox's users, others in there can stop its
     * process, and with it the thread that starts it: so it can be killed by any other thread.
     */
    public final class Launch implements AutoCloseable {
        /** Empty for the one that takes the place of the first process. */
        private final Optional<Cgroup.Entrance> entrance;

        private boolean started;

        private Launch(Optional<Cgroup.Entrance> entrance) {
            this.entrance = entrance;
        }

        /**
         * Starts the command.
         *
         * @throws SyscallException of the step that failed; nothing runs then
         * @throws SandboxException.Closed if the container has died
         */
        public Process start(ExecSpec command, Streams streams) throws SyscallException {
            ExecutionList.Command resolved = resolve(command);
            try {
                root.run(ExecutionList.own(walls, resolved.identity(), streams));
                OpList list = ExecutionList.of(walls, resolved, streams);
                Process process = entrance.isPresent()
                        ? spawn(list, entrance.get(), command.accounted())
                        : new Process(takeover.orElseThrow().start(list, cleanup), Optional.empty(), Optional.empty());
                started = true;
                return process;
            } catch (SyscallException e) {
                requireAlive(); // what failed because the container died meanwhile is told as that
                throw e;
            }
        }

        private Process spawn(OpList list, Cgroup.Entrance place, boolean accounted) throws SyscallException {
            String name = place.execution().orElseThrow();
            Birth birth = new Birth(0, place.unified());
            Process process;
            if (accounted) {
                Stub.Told told = stub.spawn(list, birth, group.nextExecution());
                process = new Process(told.child(), Optional.of(name), Optional.of(told.told()));
            } else {
                process = new Process(inside.spawn(list, birth), Optional.of(name), Optional.empty());
            }
            group.joined(name, process.child());
            return process;
        }

        /** Kills the process if there already is one. Thread-safe. */
        public void kill() {
            Container.this.kill(entrance.flatMap(Cgroup.Entrance::execution));
        }

        @Override
        public void close() {
            if (entrance.isPresent()) {
                entrance.get().close();
                if (!started) {
                    group.leave(entrance.get().execution().orElseThrow());
                }
            }
        }
    }

    private void requireAlive() {
        if (!isAlive()) {
            throw new SandboxException.Closed(
                    "the sandbox " + id + (memory.hasRunOut() ? " ran out of memory and was killed" : " has ended"));
        }
    }

    private ExecutionList.Command resolve(ExecSpec command) throws SyscallException {
        Accounts.Identity identity =
                command.user().isPresent() ? identify(command.user().get()) : defaultIdentity;
        return ExecutionList.Command.of(walls.spec(), id, command, identity);
    }

    /** Looks a user up in the sandbox's files as they are now. */
    private Accounts.Identity identify(String user) {
        try (Fd directory = Accounts.root(kernel, first)) {
            return Accounts.read(kernel, directory).require(user);
        } catch (SyscallException e) {
            requireAlive();
            throw new SandboxException.HostFailed("cannot read the sandbox's users: " + e.getMessage(), "", e);
        }
    }

    /** Whether its first process lives. */
    public boolean isAlive() {
        boolean taken = takeover.isPresent() && takeover.get().hasBegun();
        return !memory.hasRunOut() && (taken || !stub.isGone()) && first.poll().isEmpty();
    }

    private void requireInit() {
        if (takeover.isPresent()) {
            takeover.get().requireInit(id);
        }
        requireAlive();
    }

    /** What it was made from. */
    public SandboxSpec spec() {
        return walls.spec();
    }

    /** The first process. */
    public Child first() {
        return first;
    }

    /**
     * Starts a command whose streams the first process keeps, so that it outlives whoever started it.
     *
     * @param number its number, unique in the container
     * @param record the file that is to tell about it
     * @param ring how much of each output the record keeps
     * @param further become its descriptors from {@link Streams#FURTHER} on
     * @throws SyscallException of the step that failed; nothing runs then
     */
    public KeptExecution startKept(int number, ExecSpec command, Path record, int ring, List<Fd> further)
            throws SyscallException {
        if (takeover.isPresent()) {
            SandboxSpec.checkWithoutInit(command);
        }
        requireInit();
        ExecutionList.Command resolved = resolve(command);
        kill(number); // what is left of one that had this number before
        try (Cleanup local = new Cleanup()) {
            Cgroup.Entrance entrance = local.push(group.enterExecution(number));
            Optional<Fd> kill = group.openKill(group.group(number));
            kill.ifPresent(local::push);
            KeptStreams streams = local.push(KeptStreams.open(kernel, stub, command.terminal()));
            Op file = FileOps.open(record.toString(), FileOps.O_RDWR);
            Fd recordFile = local.push(kernel.run(OpList.of(file)).fd(file));
            root.run(ExecutionList.own(walls, resolved.identity(), streams.theirs()));
            KeptExecution.Plan plan = new KeptExecution.Plan(
                    number,
                    recordFile,
                    kill,
                    KeptStreams.milliseconds(command.timeout()),
                    KeptStreams.milliseconds(Optional.of(command.grace())),
                    streams.ours(),
                    ring);
            return stub.start(
                    ExecutionList.of(walls, resolved, streams.theirs().with(further)),
                    new Birth(0, entrance.unified()),
                    plan);
        } catch (SyscallException e) {
            group.leave(group.group(number));
            requireAlive();
            throw e;
        }
    }

    /** A number that no command of this container has had; for containers that one process has to itself. */
    public int nextNumber() {
        return group.nextExecution();
    }

    /**
     * Takes up a command whose streams the first process keeps.
     *
     * @throws SyscallException ESRCH if it has ended
     */
    public KeptExecution attach(int number) throws SyscallException {
        requireInit();
        return stub.attach(number);
    }

    /** Kills a command and its descendants by its number. */
    public void kill(int number) {
        if (group.tracks()) {
            group.kill(group.group(number));
            return;
        }
        try {
            stub.signal(number, Processes.SIGKILL);
        } catch (SyscallException e) {
            if (!e.is(Errno.EPIPE)) { // the sandbox has ended, and everything in it
                throw new SandboxException.HostFailed("cannot kill a command: " + e.getMessage(), "", e);
            }
        }
    }

    /**
     * Halts all commands, whoever started them, or lets them go on; and returns when they stand still.
     *
     * @throws SandboxException.Unsupported without control groups
     * @throws SandboxException.Conflict if its command is its first process
     */
    public void freeze(boolean frozen) {
        requireInit();
        group.freeze(frozen);
    }

    /** Kills all commands of whoever started them, as far as the kernel knows them. */
    public void killCommands() {
        group.killExecutions();
    }

    /** The first of the host's user ids that are its own. */
    public long firstId() {
        return walls.firstId();
    }

    /** Forgets the control group of a command that has ended, if nothing runs in it any more. */
    public void forget(int number) {
        group.leave(group.group(number));
    }

    /** Sends a signal to the process group of a command, if it runs. */
    public void signal(int number, int signal) throws SyscallException {
        stub.signal(number, signal);
    }

    /** The files of the sandbox. */
    public SandboxFiles files() {
        requireInit();
        try {
            return files.open();
        } catch (SyscallException e) {
            requireAlive();
            throw new SandboxException.HostFailed("cannot open the sandbox's root: " + e.getMessage(), "", e);
        }
    }

    /** Runs lists inside as the sandbox's root, whom no path leads out: what they open is this process's. */
    public Kernel inside() {
        requireInit();
        return new InsideKernel(stub, walls.means().groups());
    }

    /**
     * The same for whoever was given a connection to the first process of a container of the host's root, and nothing else.
     *
     * @param first that connection
     */
    public static Kernel inside(Stub first) {
        return new InsideKernel(first, true);
    }

    /** Lets go of a container that outlives this engine. */
    public void letGo() {
        files.close();
        memory.letGo();
        stub.close();
        group.letGo();
        if (!first.isOurs()) { // whoever reaps it closes it
            first.close();
        }
    }

    /** Takes connections of other processes, which may do all that this one may, from a listening socket. */
    void admit(Fd listener) throws SyscallException {
        stub.listen(listener);
    }

    /** Says when it ends by itself; see {@link Stub#endAfter}. */
    public void endAfter(Optional<Duration> limit, Optional<Duration> idle, int execution) throws SyscallException {
        stub.endAfter(
                limit.map(Duration::toMillis).orElse(0L),
                idle.map(Duration::toMillis).orElse(0L),
                execution);
    }

    /** Kills a command and all its descendants. */
    public void kill(Process process) {
        kill(process.group());
    }

    private void kill(Optional<String> execution) {
        if (execution.isPresent()) {
            group.kill(execution.get());
        } else {
            group.kill();
        }
    }

    /** Forgets a command that has ended. Descendants of it that still run stay until the container ends. */
    public void forget(Process process) {
        if (process.group().isEmpty()) {
            return; // it was the first process
        }
        try {
            group.release(process.group().get());
        } finally {
            process.told().ifPresent(KeptExecution::close);
            process.child().close();
        }
    }

    /** Whether the kernel has killed anything in here for want of memory. Then everything is killed. */
    public boolean ranOutOfMemory() {
        return memory.ranOut();
    }

    /** Watches the memory limit, if there is one. */
    void watchMemory() throws SyscallException {
        if (walls.spec().limits().memory().isPresent()) {
            memory.watch(cleanup);
        }
    }

    public Usage usage() {
        return group.usage();
    }

    /** What a command has used; empty if nobody knows. */
    public Optional<ExecutionUsage> usage(Process process) {
        return process.group().flatMap(group::usage).map(usage -> CommandUsage.with(usage, CommandUsage.told(process)));
    }

    public Optional<ExecutionUsage> usage(int number) {
        return group.usage(group.group(number));
    }

    /** Kills everything at once; what was started still has to be reaped. */
    public void kill() {
        group.kill();
    }

    /** Removes the container. Everything that was started in it must have been reaped. */
    @Override
    public void close() {
        memory.close();
        files.close();
        cleanup.close();
    }
}
