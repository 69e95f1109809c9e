package dev.cay.engine.container;

import dev.cay.SandboxSpec;
import dev.cay.linux.Arg;
import dev.cay.linux.Child;
import dev.cay.linux.Credentials;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The system calls of a command's process, from its birth in the sandbox's pid namespace to its execve: it joins the other
 * namespaces and groups and puts on every wall that the sandbox has.
 */
final class ExecutionList {
    private static final long NAMESPACES = Namespaces.MOUNT | Namespaces.CGROUP | Namespaces.UTS | Namespaces.IPC;

    /** How many directories of a PATH are looked into. */
    private static final int MAXIMUM_CANDIDATES = 64;

    private ExecutionList() {}

    /**
     * What all executions of a sandbox have in common.
     *
     * @param firstId the host's id of the sandbox's root
     * @param signals take back what this process was told to ignore
     * @param bounds drop the capabilities that nobody keeps
     * @param landlock puts on a Landlock rule set, where there is one
     * @param seccomp puts on the filter, if there is to be one
     */
    record Walls(
            SandboxSpec spec,
            int firstId,
            boolean ownNetwork,
            List<Op> signals,
            List<Op> bounds,
            Optional<Op> landlock,
            Optional<Op> seccomp) {}

    /** What a command is. */
    record Command(
            List<String> arguments,
            Map<String, String> environment,
            String workingDirectory,
            Accounts.Identity identity) {}

    static OpList of(Child first, Cgroup.Entrance cgroup, Walls walls, Command command, Container.Streams streams) {
        OpList.Builder list = OpList.builder();
        cgroup.join(list);
        list.add(Credentials.newSessionKeyring());
        list.add(Namespaces.enter(first.pidfd(), NAMESPACES | (walls.ownNetwork() ? Namespaces.NETWORK : 0)));
        own(list, walls.firstId(), command.identity(), streams);
        list.add(Processes.setsid());
        list.add(FileOps.umask(022));
        Privileges.limit(list, walls.spec());
        if (walls.spec().userNamespace()) {
            list.add(Namespaces.enter(first.pidfd(), Namespaces.USER));
        }
        list.addAll(walls.signals());
        list.addAll(walls.bounds());
        list.add(Credentials.noNewPrivileges());
        walls.landlock().ifPresent(list::add);
        list.add(FileOps.duplicate(Arg.of(streams.input()), 0));
        list.add(FileOps.duplicate(Arg.of(streams.output()), 1));
        list.add(FileOps.duplicate(Arg.of(streams.error()), 2));
        // Before any path of the sandbox is followed: /proc/self/fd leads to none of this JVM's files.
        list.add(FileOps.closeFrom(3));
        // From here on others in the sandbox may send signals to this process: it is one of their user.
        Privileges.become(list, walls.spec(), command.identity());
        enterDirectory(list, command.workingDirectory());
        list.add(Processes.unblockSignals());
        execute(list, walls, command);
        return list.build();
    }

    /** Gives the pipes to the command's user, who could not open /dev/stdout and its like otherwise. */
    private static void own(OpList.Builder list, int firstId, Accounts.Identity identity, Container.Streams streams) {
        for (Fd stream : List.of(streams.input(), streams.output(), streams.error())) {
            list.add(FileOps.chown(Arg.of(stream), "", firstId + identity.user(), firstId + identity.group()));
        }
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
        for (String path : candidates.subList(0, candidates.size() - 1)) {
            list.add(Processes.execve(path, command.arguments(), environment)
                    .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES));
        }
        list.add(Processes.execve(candidates.getLast(), command.arguments(), environment));
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
