package dev.cay.engine.container;

import dev.cay.ResourceLimit;
import dev.cay.linux.Arg;
import dev.cay.linux.Credentials;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What a process in a sandbox may still do: the same for its first process and for every execution. */
final class Privileges {
    /**
     * The capabilities that root of a sandbox keeps, by their numbers in capabilities(7); Docker's set. Over anything that is
     * not the sandbox's own they mean nothing: they hold in its user namespace.
     */
    enum Capability {
        CHOWN(0),
        DAC_OVERRIDE(1),
        FOWNER(3),
        FSETID(4),
        KILL(5),
        SETGID(6),
        SETUID(7),
        SETPCAP(8),
        NET_BIND_SERVICE(10),
        NET_RAW(13),
        SYS_CHROOT(18),
        MKNOD(27),
        AUDIT_WRITE(29),
        SETFCAP(31);

        private final int number;

        Capability(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /** Their names as seccomp profiles spell them. */
    static final Set<String> CAPABILITY_NAMES =
            List.of(Capability.values()).stream().map(c -> "CAP_" + c.name()).collect(Collectors.toUnmodifiableSet());

    private static final long CAPABILITIES = List.of(Capability.values()).stream()
            .mapToLong(capability -> 1L << capability.number())
            .reduce(0, (a, b) -> a | b);

    private static final int RLIMIT_CORE = 4;
    private static final int RLIMIT_NPROC = 6;

    /** Too little for a file, and the one value at which the kernel does not start the host's crash handler; see core(5). */
    private static final long NO_CORE = 1;

    private Privileges() {}

    /** Drops from the bounding set what is not kept, so that no program file can ever give it back. */
    static List<Op> bounds(int lastCapability, boolean userNamespace) {
        long kept = capabilities(userNamespace);
        return IntStream.rangeClosed(0, lastCapability)
                .filter(capability -> (kept >>> capability & 1) == 0)
                .mapToObj(Credentials::dropFromBoundingSet)
                .toList();
    }

    /**
     * Becomes the one that runs the stub: an id that nobody in the sandbox has or can have, with the capabilities that the
     * sandbox's root is to have, kept over the execve. Everything that holds for all executions is put on here and inherited.
     *
     * @param stubId the host's id; of no meaning without a user namespace, where the stub is root
     * @param groups whether it may choose its groups
     */
    static void becomeStub(
            OpList.Builder list, Optional<Fd> userNamespace, int stubId, boolean groups, List<Op> bounds) {
        long kept = capabilities(userNamespace.isPresent());
        list.add(setgroups(List.of(), groups));
        if (userNamespace.isPresent()) {
            list.add(Credentials.keepCapabilities()); // what is needed to enter the namespace
            list.add(Credentials.setgid(stubId));
            list.add(Credentials.setuid(stubId));
            list.add(Namespaces.enter(userNamespace.get(), Namespaces.USER));
        }
        list.addAll(bounds);
        list.add(Credentials.newSessionKeyring());
        list.add(Credentials.capset(kept, kept));
        for (int capability = 0; capability < Long.SIZE; capability++) {
            if ((kept >>> capability & 1) != 0) {
                list.add(Credentials.ambient(capability));
            }
        }
        list.add(Credentials.noNewPrivileges());
    }

    /** Where it may not, it keeps those of the user that it is on the host, none of which the sandbox knows. */
    static Op setgroups(List<Integer> groups, boolean may) {
        Op set = Credentials.setgroups(groups);
        return may ? set : set.tolerating(Errno.EPERM);
    }

    /** Becomes a user. Only root keeps capabilities. */
    static void become(OpList.Builder list, ExecutionList.Walls walls, Accounts.Identity identity) {
        list.add(setgroups(identity.groups(), walls.means().groups()));
        list.add(Credentials.setgid(identity.group()));
        list.add(Credentials.setuid(identity.user()));
        list.add(Credentials.capset(
                identity.user() == 0 ? capabilities(walls.spec().userNamespace()) : 0));
    }

    /** Without a user namespace the host's root could make device nodes that work. */
    private static long capabilities(boolean userNamespace) {
        return userNamespace ? CAPABILITIES : CAPABILITIES & ~(1L << Capability.MKNOD.number());
    }

    static void limit(OpList.Builder list, ExecutionList.Walls walls) {
        Map<ResourceLimit, Long> limits = walls.spec().resourceLimits();
        if (!walls.means().limited()) { // in the user namespace; each of its users has so many
            list.add(Credentials.limit(
                    RLIMIT_NPROC, "NPROC", walls.spec().limits().pids()));
        }
        if (!limits.containsKey(ResourceLimit.CORE)) {
            list.add(Credentials.limit(RLIMIT_CORE, "CORE", NO_CORE));
        }
        limits.forEach((limit, value) -> list.add(Credentials.limit(number(limit), limit.name(), value)));
    }

    /** The {@code RLIMIT_*} numbers of both architectures. */
    private static int number(ResourceLimit limit) {
        return switch (limit) {
            case CPU_SECONDS -> 0;
            case FILE_SIZE -> 1;
            case DATA -> 2;
            case STACK -> 3;
            case CORE -> RLIMIT_CORE;
            case RESIDENT_MEMORY -> 5;
            case PROCESSES -> RLIMIT_NPROC;
            case OPEN_FILES -> 7;
            case LOCKED_MEMORY -> 8;
            case ADDRESS_SPACE -> 9;
            case FILE_LOCKS -> 10;
            case PENDING_SIGNALS -> 11;
            case MESSAGE_QUEUES -> 12;
            case NICE -> 13;
            case REAL_TIME_PRIORITY -> 14;
            case REAL_TIME -> 15;
        };
    }

    /** The highest capability that the kernel knows. One read: a sysctl has nothing more for a second one. */
    static int lastCapability(Kernel kernel) throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(16);
        Op open = FileOps.open("/proc/sys/kernel/cap_last_cap", FileOps.O_RDONLY);
        Op read = FileOps.read(Arg.of(open), buffer);
        Results results = kernel.run(OpList.of(open, read, FileOps.close(open)));
        String text = new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.US_ASCII);
        return Integer.parseInt(text.trim());
    }
}
