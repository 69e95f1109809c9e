package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.Optional;

/** A further wall that a process puts around itself, see landlock(7). */
public final class Landlock {
    private static final long CREATE_RULESET_VERSION = 1;
    private static final long RULE_PATH_BENEATH = 1;
    private static final long ACCESS_FS_EXECUTE = 1;
    private static final long ACCESS_FS_MAKE_CHAR = 1 << 6;
    private static final long ACCESS_FS_MAKE_BLOCK = 1 << 11;
    private static final long ACCESS_FS_REFER = 1 << 13;
    private static final long SCOPE_ABSTRACT_UNIX_SOCKET = 1;
    private static final int ABI_WITH_REFER = 2;
    private static final int ABI_WITH_SCOPES = 6;
    private static final int RULESET_SIZE = 24;
    private static final int RULESET_SIZE_WITHOUT_SCOPES = 8;

    /** {@code struct landlock_path_beneath_attr}, which is packed. */
    private static final int PATH_BENEATH_SIZE = 12;

    private Landlock() {}

    /**
     * A rule set under which nothing is executed but what lies beneath a root, no device node is made and no mount changed, which
     * every rule set forbids. Programs in memory stay allowed.
     *
     * @param scopeSockets whether abstract unix sockets of others are out of reach too
     * @return empty where the kernel has no Landlock, or does not run it
     */
    public static Optional<Fd> ruleset(Kernel kernel, Fd root, boolean scopeSockets) throws SyscallException {
        long abi = version(kernel);
        if (abi < 1) {
            return Optional.empty();
        }
        // Every rule set forbids to move files between directories that does not allow it.
        long refer = abi >= ABI_WITH_REFER ? ACCESS_FS_REFER : 0;
        boolean scoped = scopeSockets && abi >= ABI_WITH_SCOPES;
        ByteBuffer attributes = Arg.struct(RULESET_SIZE);
        attributes.putLong(0, ACCESS_FS_EXECUTE | ACCESS_FS_MAKE_CHAR | ACCESS_FS_MAKE_BLOCK | refer);
        attributes.putLong(16, scoped ? SCOPE_ABSTRACT_UNIX_SOCKET : 0);
        Op create = Op.opening(
                SystemCall.LANDLOCK_CREATE_RULESET,
                "",
                new Arg.Bytes(attributes.array()),
                Arg.of(scoped ? RULESET_SIZE : RULESET_SIZE_WITHOUT_SCOPES),
                Arg.of(0));
        ByteBuffer beneath = Arg.struct(PATH_BENEATH_SIZE);
        beneath.putLong(0, ACCESS_FS_EXECUTE | refer).putInt(8, root.number());
        Op allow = Op.of(
                SystemCall.LANDLOCK_ADD_RULE,
                "execute and move beneath the root",
                Arg.of(create),
                Arg.of(RULE_PATH_BENEATH),
                new Arg.Bytes(beneath.array()),
                Arg.of(0));
        return Optional.of(kernel.run(OpList.of(create, allow)).fd(create));
    }

    /** Which version of Landlock the kernel runs; below 1 if none. */
    public static long version(Kernel kernel) throws SyscallException {
        Op version = Op.of(
                        SystemCall.LANDLOCK_CREATE_RULESET,
                        "version",
                        Arg.of(0),
                        Arg.of(0),
                        Arg.of(CREATE_RULESET_VERSION))
                .tolerating(Errno.ENOSYS, Errno.EOPNOTSUPP);
        return kernel.run(OpList.of(version)).value(version);
    }

    /** {@code int landlock_restrict_self(int ruleset_fd, __u32 flags)} landlock_restrict_self(2); needs no_new_privs. */
    public static Op restrictSelf(Fd ruleset) {
        return Op.of(SystemCall.LANDLOCK_RESTRICT_SELF, "", Arg.of(ruleset), Arg.of(0));
    }
}
