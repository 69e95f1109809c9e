package dev.cay.engine.container;

import dev.cay.ExecSpec;
import dev.cay.SandboxSpec;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Terminal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The system calls of a command's process, from its birth as a child of the sandbox's first process to its execve. The walls that
 * all commands share it has by birth; here it puts on what differs.
 */
final class ExecutionList {
    /** How many directories of a PATH are looked into. */
    private static final int MAXIMUM_CANDIDATES = 64;

    private ExecutionList() {}

    /**
     * What all executions of a sandbox have in common.
     *
     * @param firstId the host's id of the sandbox's root
     * @param seccomp puts on the filter, if there is to be one
     */
    record Walls(SandboxSpec spec, int firstId, Optional<Op> seccomp, Means means) {
        Walls(SandboxSpec spec, int firstId, Optional<Op> seccomp) {
            this(spec, firstId, seccomp, Means.ALL);
        }
    }

    /**
     * What an ordinary user may lack.
     *
     * @param groups whether a process may choose its groups: not in a user namespace that has a single id, see setgroups(2)
     * @param limited whether a control group limits the number of processes
     */
    record Means(boolean groups, boolean limited) {
        static final Means ALL = new Means(true, true);
    }

    /** What a command is. */
    record Command(
            List<String> arguments,
            Map<String, String> environment,
            String workingDirectory,
            Accounts.Identity identity) {
        /** What was asked for, with what the sandbox says where nothing is said. */
        static Command of(SandboxSpec spec, String id, ExecSpec command, Accounts.Identity identity) {
            Map<String, String> environment = new LinkedHashMap<>();
            environment.put("PATH", Container.DEFAULT_PATH);
            environment.put("HOME", identity.home());
            environment.put("USER", identity.name());
            environment.put("LOGNAME", identity.name());
            environment.put("SHELL", identity.shell());
            environment.put("HOSTNAME", spec.hostname().orElse(id));
            environment.putAll(spec.environment());
            environment.putAll(command.environment());
            return new Command(
                    command.command(),
                    environment,
                    command.workingDirectory().or(spec::workingDirectory).orElse(SandboxSpec.DEFAULT_WORKING_DIRECTORY),
                    identity);
        }

        Command within(GuestSurroundings surroundings) {
            return new Command(arguments, surroundings.around(environment), workingDirectory, identity);
        }
    }

    static OpList of(Walls walls, Command command, Container.Streams streams) {
        OpList.Builder list = OpList.builder();
        list.add(Processes.setsid());
        Privileges.limit(list, walls);
        list.add(FileOps.duplicate(Arg.of(streams.input()), 0));
        list.add(FileOps.duplicate(Arg.of(streams.output()), 1));
        list.add(FileOps.duplicate(Arg.of(streams.error()), 2));
        if (streams.terminal()) {
            list.add(Terminal.makeControlling(0));
        }
        further(list, streams.further());
        // The stub's descriptors are close-on-exec as they are; and none that came along is left if one should not be.
        list.add(FileOps.closeOnExecFrom(
                Container.Streams.FURTHER + streams.further().size()));
        // From here on others in the sandbox may send signals to this process: it is one of their user.
        Privileges.become(list, walls, command.identity());
        enterDirectory(list, command.workingDirectory());
        list.add(Processes.unblockSignals());
        execute(list, walls, command);
        return list.build();
    }

    /** Any of them may have one of the numbers that they are to get. */
    private static void further(OpList.Builder list, List<Fd> descriptors) {
        List<Op> copies = new ArrayList<>();
        for (Fd descriptor : descriptors) {
            copies.add(list.add(
                    FileOps.duplicateFrom(Arg.of(descriptor), Container.Streams.FURTHER + descriptors.size())));
        }
        for (int i = 0; i < copies.size(); i++) {
            list.add(FileOps.duplicate(Arg.of(copies.get(i)), Container.Streams.FURTHER + i));
        }
    }

    /** Gives the pipes to the command's user, who could not open /dev/stdout and its like otherwise. */
    static OpList own(Walls walls, Accounts.Identity identity, Container.Streams streams) {
        OpList.Builder list = OpList.builder();
        List<Fd> owned = new ArrayList<>(3);
        for (Fd stream : List.of(streams.input(), streams.output(), streams.error())) {
            if (!owned.contains(stream)) { // a terminal is all three
                owned.add(stream);
                list.add(FileOps.chown(
                        Arg.of(stream), "", walls.firstId() + identity.user(), walls.firstId() + identity.group()));
            }
        }
        return list.build();
    }

    /** Changes into a directory, not by way of a link of /proc; see CVE-2024-21626. */
    private static void enterDirectory(OpList.Builder list, String path) {
        Op directory = list.add(
                FileOps.openResolved(path, FileOps.O_PATH | FileOps.O_DIRECTORY, FileOps.RESOLVE_NO_MAGICLINKS));
        list.add(FileOps.fchdir(Arg.of(directory), path));
    }

    /**
     * Tries the candidates one after the other, as execvp(3) does. All are first opened without following links of /proc:
     * {@code /proc/self/exe} is, until the execve, this JVM's own program. The filter comes after that, since it may refuse
     * everything but the execve.
     */
    private static void execute(OpList.Builder list, Walls walls, Command command) {
        List<String> candidates = candidates(command);
        for (String path : candidates) {
            list.add(FileOps.openResolved(path, FileOps.O_PATH, FileOps.RESOLVE_NO_MAGICLINKS)
                    .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES));
        }
        walls.seccomp().ifPresent(list::add);
        List<String> environment = new ArrayList<>();
        command.environment().forEach((name, value) -> environment.add(name + "=" + value));
        Arg arguments = Arg.vector(command.arguments());
        Arg variables = Arg.vector(environment);
        for (String path : candidates.subList(0, candidates.size() - 1)) {
            list.add(
                    Processes.execve(path, arguments, variables).tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES));
        }
        list.add(Processes.execve(candidates.getLast(), arguments, variables));
    }

    private static List<String> candidates(Command command) {
        String program = command.arguments().getFirst();
        if (program.indexOf('/') >= 0) {
            return List.of(program);
        }
        return Arrays.stream(command.environment()
                        .getOrDefault("PATH", Container.DEFAULT_PATH)
                        .split(":", -1))
                .distinct()
                .limit(MAXIMUM_CANDIDATES)
                .map(directory -> (directory.isEmpty() ? "." : directory) + "/" + program)
                .toList();
    }
}
