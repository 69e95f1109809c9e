package dev.cay.engine.container;

import dev.cay.SandboxException;
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
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The users and groups of a sandbox, from the text of its own passwd(5) and group(5). Lines that are not in the format are
 * passed over, as the C library does.
 */
final class Accounts {
    private static final int ATTEMPTS = 128;
    private static final int USUAL_FILE = 8 * 1024;
    private static final int MAXIMUM_FILE = 1 << 20;
    private static final int MAXIMUM_TEXT = 4095;
    private static final String SHELL = "/bin/sh";
    private static final long MAXIMUM_ID = IdRanges.MAPPED_IDS - 1;

    private final List<User> users = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();

    private record User(String name, int id, int group, String home, String shell) {}

    private record Group(String name, int id, List<String> members) {}

    /**
     * As whom a command runs.
     *
     * @param groups the supplementary groups
     * @param home where its files are; "/" if nobody says
     * @param name by which it is known; its number if it has none
     * @param shell with which it works
     */
    record Identity(int user, int group, List<Integer> groups, String home, String name, String shell) {
        Identity {
            groups = List.copyOf(groups);
        }

        /** One that stands in no passwd(5). */
        Identity(int user, int group, List<Integer> groups, String home) {
            this(user, group, groups, home, Integer.toString(user), SHELL);
        }
    }

    /** The root directory of a process. */
    static Fd root(Kernel kernel, Child process) throws SyscallException {
        Op root = FileOps.open("/proc/" + process.pid() + "/root", FileOps.O_PATH | FileOps.O_DIRECTORY);
        return kernel.run(OpList.of(root)).fd(root);
    }

    /**
     * Reads those of a root file system. Whoever lives in it may have put anything in the place of its files: what leads out of
     * the root ends there, what is no file cannot make us wait, and what is too long is cut.
     */
    static Accounts read(Kernel kernel, Fd root) throws SyscallException {
        return new Accounts(read(kernel, root, "etc/passwd"), read(kernel, root, "etc/group"));
    }

    private static byte[] read(Kernel kernel, Fd root, String path) throws SyscallException {
        byte[] content = read(kernel, root, path, USUAL_FILE);
        return content.length < USUAL_FILE ? content : read(kernel, root, path, MAXIMUM_FILE);
    }

    private static byte[] read(Kernel kernel, Fd root, String path, int limit) throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(limit);
        Op open = FileOps.openBeneath(
                        Arg.of(root),
                        path,
                        FileOps.O_RDONLY | FileOps.O_NONBLOCK,
                        FileOps.RESOLVE_IN_ROOT | FileOps.RESOLVE_NO_MAGICLINKS)
                .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENXIO);
        Op read = FileOps.read(Arg.of(open), buffer).tolerating(Errno.EBADF, Errno.EAGAIN, Errno.EISDIR, Errno.EINVAL);
        Results results = run(kernel, OpList.of(open, read, FileOps.close(open).tolerating(Errno.EBADF)));
        return Arrays.copyOf(results.bytes(buffer), (int) Math.max(0, results.value(read)));
    }

    /** openat2(2) gives up on {@code ..} with EAGAIN where anything on the machine is renamed or mounted just then. */
    private static Results run(Kernel kernel, OpList list) throws SyscallException {
        for (int attempt = 1; ; attempt++) {
            try {
                return kernel.run(list);
            } catch (SyscallException e) {
                if (!e.is(Errno.EAGAIN) || !e.call().equals("openat2") || attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    Accounts(byte[] passwd, byte[] group) {
        for (String[] fields : records(passwd, 7)) {
            id(fields[2])
                    .ifPresent(id -> id(fields[3])
                            .ifPresent(primary -> users.add(new User(
                                    fields[0], id, primary, variable(fields[5], "/"), variable(fields[6], SHELL)))));
        }
        for (String[] fields : records(group, 4)) {
            id(fields[2]).ifPresent(id -> groups.add(new Group(fields[0], id, List.of(fields[3].split(",")))));
        }
    }

    /** What no variable could hold is as if it were not there. */
    private static String variable(String text, String otherwise) {
        return text.isEmpty() || text.length() > MAXIMUM_TEXT || text.indexOf('\0') >= 0 ? otherwise : text;
    }

    private static List<String[]> records(byte[] text, int fields) {
        List<String[]> records = new ArrayList<>();
        for (String line : new String(text, StandardCharsets.UTF_8).split("\n")) {
            String[] parts = line.split(":", -1);
            if (parts.length >= fields && !parts[0].isEmpty() && !parts[0].startsWith("#")) {
                records.add(parts);
            }
        }
        return records;
    }

    private static Optional<Integer> id(String text) {
        if (text.isEmpty() || text.length() > 10 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Optional.empty();
        }
        long id = Long.parseLong(text);
        return id > MAXIMUM_ID ? Optional.empty() : Optional.of((int) id);
    }

    /**
     * Resolves NAME, UID, NAME:GROUP or UID:GID; a name is looked for first, so a user called 7 is not user 7.
     *
     * @return empty if there is no such user or group; an id needs no entry
     */
    Optional<Identity> resolve(String text) {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        Optional<User> user = users.stream()
                .filter(entry -> entry.name().equals(name))
                .findFirst()
                .or(() -> id(name).map(id -> users.stream()
                        .filter(entry -> entry.id() == id)
                        .findFirst()
                        .orElse(new User("", id, 0, "/", SHELL))))
                // A root file system without a passwd has a root all the same.
                .or(() -> name.equals("root") ? Optional.of(new User("root", 0, 0, "/", SHELL)) : Optional.empty());
        if (colon < 0) {
            return user.map(entry -> identity(entry, entry.group(), groupsOf(entry)));
        }
        return user.flatMap(
                entry -> groupId(text.substring(colon + 1)).map(group -> identity(entry, group, List.of(group))));
    }

    private static Identity identity(User user, int group, List<Integer> groups) {
        String name = variable(user.name(), Integer.toString(user.id()));
        return new Identity(user.id(), group, groups, user.home(), name, user.shell());
    }

    /**
     * The same, failing closed.
     *
     * @throws SandboxException.InvalidSpec if there is no such user or group
     */
    Identity require(String text) {
        return resolve(text)
                .orElseThrow(() -> new SandboxException.InvalidSpec(
                        "there is no user '" + text + "' in the sandbox",
                        "name one that stands in its /etc/passwd and /etc/group, or give numbers: UID:GID"));
    }

    private Optional<Integer> groupId(String name) {
        return groups.stream()
                .filter(entry -> entry.name().equals(name))
                .map(Group::id)
                .findFirst()
                .or(() -> id(name));
    }

    private List<Integer> groupsOf(User user) {
        Set<Integer> all = new LinkedHashSet<>(List.of(user.group()));
        for (Group group : groups) {
            if (!user.name().isEmpty() && group.members().contains(user.name())) {
                all.add(group.id());
            }
        }
        return List.copyOf(all);
    }
}
