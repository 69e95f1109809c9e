package dev.cay.engine.container;

import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.engine.files.ContainerFiles;
import dev.cay.engine.seccomp.Seccomp;
import dev.cay.linux.Architecture;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Credentials;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Commands in a machine whose first process is the stub: behind the same walls as those of a container, but for the namespaces. So
 * they can neither load a module nor reach the channel nor look into the first process. Thread-safe.
 */
public final class GuestCommands implements AutoCloseable {
    /** In a machine that ends with its maker, the numbers of the maker's commands are above this, those of others below. */
    public static final int MAKERS = 1 << 29;

    private static final int REHEARSED = 1;

    /** A line of it for each counter, some 200. */
    private static final int VMSTAT_SIZE = 64 * 1024;

    private static final String OOM_KILLS = "oom_kill ";

    private final Stub stub;
    private final String id;
    private final ExecutionList.Walls walls;
    private final Fd root;
    private final Accounts.Identity defaultIdentity;
    private final GuestSurroundings surroundings;
    private final Optional<GuestGroups> groups;

    private GuestCommands(
            Stub stub,
            String id,
            ExecutionList.Walls walls,
            Fd root,
            Accounts.Identity defaultIdentity,
            GuestSurroundings surroundings,
            Optional<GuestGroups> groups) {
        this.surroundings = surroundings;
        this.groups = groups;
        this.stub = stub;
        this.id = id;
        this.walls = walls;
        this.root = root;
        this.defaultIdentity = defaultIdentity;
    }

    /** Whether a number is that of a command which the maker of the machine runs. */
    public static boolean isMakers(int number) {
        return number > MAKERS;
    }

    /** Puts up in the first process, which has its root file system, what all commands inherit. */
    public static void wall(Stub stub) throws SyscallException {
        OpList.Builder inherited = OpList.builder();
        // Without a user namespace the devices that somebody makes are real ones, here the channel among them.
        inherited.addAll(Privileges.bounds(Privileges.lastCapability(stub), false));
        inherited.add(Credentials.noNewPrivileges());
        stub.runInside(inherited.build());
    }

    /**
     * Those of a machine that has its {@linkplain #wall walls}.
     *
     * @param id of the sandbox
     * @throws dev.cay.SandboxException.InvalidSpec if its user does not exist there
     */
    public static GuestCommands open(Stub stub, String id, SandboxSpec spec, GuestSurroundings surroundings)
            throws SyscallException {
        Op open = FileOps.open("/", FileOps.O_PATH | FileOps.O_DIRECTORY);
        Fd root = stub.run(OpList.of(open)).fd(open);
        try {
            Accounts.Identity identity =
                    Accounts.read(stub, root).require(spec.user().orElse(SandboxSpec.DEFAULT_USER));
            ExecutionList.Walls walls = new ExecutionList.Walls(
                    spec,
                    0,
                    Seccomp.compile(spec.seccomp(), Architecture.current(), Privileges.CAPABILITY_NAMES)
                            .map(Credentials::filterSystemCalls));
            return new GuestCommands(stub, id, walls, root, identity, surroundings, GuestGroups.open(stub));
        } catch (SyscallException | RuntimeException e) {
            root.close();
            throw e;
        }
    }

    /**
     * Starts a command of which nothing is kept.
     *
     * @param number its number, above 0, unique in the machine
     * @throws SyscallException of the step that failed; nothing runs then
     */
    public KeptExecution start(int number, ExecSpec command) throws SyscallException {
        return start(number, command, FileOps.open("/dev/null", FileOps.O_RDWR), 0);
    }

    /**
     * Starts a command.
     *
     * @param number its number, above 0, unique in the machine
     * @param file opens the file in the machine that is to tell about it
     * @param ring how much of each output that keeps
     * @throws SyscallException of the step that failed; nothing runs then
     */
    public KeptExecution start(int number, ExecSpec command, Op file, int ring) throws SyscallException {
        return start(number, command, file, ring, List.of());
    }

    private KeptExecution start(int number, ExecSpec command, Op file, int ring, List<Op> before)
            throws SyscallException {
        if (groups.isPresent()) {
            groups.get().tidy(number);
        }
        Accounts.Identity identity = command.user().isPresent()
                ? Accounts.read(stub, root).require(command.user().get())
                : defaultIdentity;
        ExecutionList.Command resolved =
                ExecutionList.Command.of(walls.spec(), id, command, identity).within(surroundings);
        try (Cleanup local = new Cleanup()) {
            OpList.Builder opening = OpList.builder(); // one list, as each is a round trip and a process of the guest
            opening.add(file);
            Optional<GuestGroups.Making> making = groups.map(all -> all.make(number, opening));
            Optional<KeptStreams.There> pipes = command.terminal().isPresent()
                    ? Optional.empty()
                    : Optional.of(new KeptStreams.There(opening, identity));
            Results opened = stub.run(opening.build());
            Fd record = local.push(opened.fd(file));
            Optional<GuestGroups.Entrance> group = Optional.empty();
            if (groups.isPresent() && making.isPresent()) {
                group = Optional.of(groups.get().enter(making.get(), opened));
                local.push(group.get().group());
                local.push(group.get().kill());
            }
            KeptStreams streams;
            if (pipes.isPresent()) {
                streams = local.push(pipes.get().streams(opened));
            } else {
                streams = local.push(KeptStreams.there(stub, command.terminal().orElseThrow()));
                stub.run(ExecutionList.own(walls, identity, streams.theirs()));
            }
            KeptExecution.Plan plan = new KeptExecution.Plan(
                    number,
                    record,
                    group.map(GuestGroups.Entrance::kill),
                    KeptStreams.milliseconds(command.timeout()),
                    KeptStreams.milliseconds(Optional.of(command.grace())),
                    streams.ours(),
                    ring);
            OpList.Builder list = OpList.builder();
            list.addAll(before);
            list.addAll(ExecutionList.of(walls, resolved, streams.theirs()).operations());
            return stub.start(list.build(), new Birth(0, group.map(GuestGroups.Entrance::group)), plan);
        }
    }

    /**
     * Runs a command of which nothing is left, not even its group, and waits for its end.
     *
     * @param before what its process does first, behind no walls
     * @throws SyscallException of the step that failed
     */
    public void rehearse(OpList before, ExecSpec command) throws SyscallException {
        Op file = FileOps.open("/dev/null", FileOps.O_RDWR);
        try (KeptExecution execution = start(REHEARSED, command, file, 0, before.operations())) {
            execution.await(Long.MAX_VALUE);
        }
        if (groups.isPresent()) {
            groups.get().remove(REHEARSED);
        }
    }

    /** Kills a command with all its descendants; where there are no control groups, with its process group. */
    public void kill(int number) throws SyscallException {
        if (groups.isPresent()) {
            groups.get().kill(number);
        } else {
            stub.signal(number, Processes.SIGKILL);
        }
    }

    /** What commands and their descendants have used, by their numbers; those are left out of whom nobody knows. */
    public Map<Integer, ExecutionUsage> usages(List<Integer> numbers) throws SyscallException {
        return groups.isPresent() ? groups.get().usages(numbers) : Map.of();
    }

    /** Of a command that has ended nobody wants to know anything any more. */
    public void release(int number) {
        groups.ifPresent(all -> all.release(number));
    }

    /** How often the guest's kernel has killed a process for want of memory; proc_vmstat(5). */
    public long oomKills() throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(VMSTAT_SIZE);
        Op file = FileOps.open("/proc/vmstat", FileOps.O_RDONLY);
        Op read = FileOps.read(Arg.of(file), buffer);
        Results results = stub.run(OpList.of(file, read, FileOps.close(file)));
        String text = new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.US_ASCII);
        for (String line : text.split("\n")) {
            if (line.startsWith(OOM_KILLS) && line.length() < OOM_KILLS.length() + 18) {
                return Long.parseLong(line.substring(OOM_KILLS.length()));
            }
        }
        return 0;
    }

    /** The files of the machine. */
    public SandboxFiles files() {
        return new ContainerFiles(stub, stub, root);
    }

    @Override
    public void close() {
        groups.ifPresent(GuestGroups::close);
        root.close();
    }
}
