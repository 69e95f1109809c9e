package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.List;

/** Users, groups, capabilities and what else a process may do; see credentials(7) and capabilities(7). */
public final class Credentials {
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final long KEYCTL_JOIN_SESSION_KEYRING = 1;
    private static final long PR_CAPBSET_DROP = 24;
    private static final long PR_SET_SECUREBITS = 28;
    private static final long PR_SET_NO_NEW_PRIVS = 38;
    private static final long PR_CAP_AMBIENT = 47;
    private static final long PR_CAP_AMBIENT_RAISE = 2;
    private static final long SECBIT_NO_SETUID_FIXUP = 4;
    private static final long SECCOMP_SET_MODE_FILTER = 1;

    private Credentials() {}

    /** {@code int setgroups(size_t size, const gid_t *list)} setgroups(2). */
    public static Op setgroups(List<Integer> groups) {
        ByteBuffer ids = Arg.struct(Integer.BYTES * Math.max(1, groups.size()));
        for (int i = 0; i < groups.size(); i++) {
            ids.putInt(Integer.BYTES * i, groups.get(i));
        }
        return Op.of(SystemCall.SETGROUPS, "", Arg.of(groups.size()), new Arg.Bytes(ids.array()));
    }

    /** {@code int setresgid(gid_t rgid, gid_t egid, gid_t sgid)} setresuid(2). */
    public static Op setgid(int id) {
        return Op.of(SystemCall.SETRESGID, Integer.toUnsignedString(id), Arg.of(id), Arg.of(id), Arg.of(id));
    }

    /**
     * {@code int setfsuid(uid_t fsuid)} and {@code int setfsgid(gid_t fsgid)}, setfsuid(2): whose files are those that are made from now on.
     * They tell of no errors.
     */
    public static List<Op> makeFilesOf(int user, int group) {
        return List.of(
                Op.of(SystemCall.SETFSGID, Integer.toUnsignedString(group), Arg.of(group)),
                Op.of(SystemCall.SETFSUID, Integer.toUnsignedString(user), Arg.of(user)));
    }

    /** {@code int setresuid(uid_t ruid, uid_t euid, uid_t suid)} setresuid(2). */
    public static Op setuid(int id) {
        return Op.of(SystemCall.SETRESUID, Integer.toUnsignedString(id), Arg.of(id), Arg.of(id), Arg.of(id));
    }

    /**
     * {@code long keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)} keyctl(2): a new, empty one in place of the inherited, whose keys
     * would be readable whatever the user. Nothing to be done where the kernel has no keys.
     */
    public static Op newSessionKeyring() {
        return Op.of(SystemCall.KEYCTL, "new session keyring", Arg.of(KEYCTL_JOIN_SESSION_KEYRING), Arg.of(0))
                .tolerating(Errno.ENOSYS);
    }

    /** {@code int prctl(PR_CAPBSET_DROP, capability)} prctl(2). */
    public static Op dropFromBoundingSet(int capability) {
        return Op.of(SystemCall.PRCTL, "drop capability " + capability, Arg.of(PR_CAPBSET_DROP), Arg.of(capability));
    }

    /** {@code int prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)} prctl(2): a change of user leaves the capabilities alone. */
    public static Op keepCapabilities() {
        return Op.of(SystemCall.PRCTL, "keep capabilities", Arg.of(PR_SET_SECUREBITS), Arg.of(SECBIT_NO_SETUID_FIXUP));
    }

    /**
     * {@code int prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)} prctl(2): an execve leaves it to a user that is
     * not root. It has to be permitted and inheritable.
     */
    public static Op ambient(int capability) {
        return Op.of(
                SystemCall.PRCTL,
                "ambient capability " + capability,
                Arg.of(PR_CAP_AMBIENT),
                Arg.of(PR_CAP_AMBIENT_RAISE),
                Arg.of(capability),
                Arg.of(0),
                Arg.of(0));
    }

    /**
     * {@code int capset(cap_user_header_t hdrp, const cap_user_data_t datap)} capset(2): these capabilities effective and
     * permitted, none inheritable.
     *
     * @param set bit n stands for capability n
     */
    public static Op capset(long set) {
        return capset(set, 0);
    }

    /** The same with capabilities that are inheritable. */
    public static Op capset(long set, long inheritable) {
        ByteBuffer header = Arg.struct(8);
        header.putInt(0, CAPABILITY_VERSION_3);
        ByteBuffer data = Arg.struct(24);
        data.putInt(0, (int) set)
                .putInt(4, (int) set)
                .putInt(8, (int) inheritable)
                .putInt(12, (int) (set >>> 32))
                .putInt(16, (int) (set >>> 32))
                .putInt(20, (int) (inheritable >>> 32));
        return Op.of(SystemCall.CAPSET, "", new Arg.Bytes(header.array()), new Arg.Bytes(data.array()));
    }

    /** {@code int prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)} prctl(2). */
    public static Op noNewPrivileges() {
        return Op.of(
                SystemCall.PRCTL,
                "no new privileges",
                Arg.of(PR_SET_NO_NEW_PRIVS),
                Arg.of(1),
                Arg.of(0),
                Arg.of(0),
                Arg.of(0));
    }

    /**
     * {@code int seccomp(SECCOMP_SET_MODE_FILTER, 0, struct sock_fprog *)} seccomp(2).
     *
     * @param program instructions of 8 bytes each, {@code struct sock_filter} in native byte order
     */
    public static Op filterSystemCalls(byte[] program) {
        ByteBuffer header = Arg.struct(16);
        header.putShort(0, (short) (program.length / 8));
        Arg pointer = new Arg.Struct(header.array(), List.of(new Arg.Pointer(8, program)));
        return Op.of(SystemCall.SECCOMP, "", Arg.of(SECCOMP_SET_MODE_FILTER), Arg.of(0), pointer);
    }

    /**
     * {@code int prlimit(0, int resource, const struct rlimit *new_limit, NULL)} prlimit(2), soft and hard alike.
     *
     * @param resource a {@code RLIMIT_*} number
     */
    public static Op limit(int resource, String name, long value) {
        return limit(resource, name, value, value);
    }

    /** The same with two values; -1 is RLIM_INFINITY. */
    public static Op limit(int resource, String name, long soft, long hard) {
        ByteBuffer limit = Arg.struct(16);
        limit.putLong(0, soft).putLong(8, hard);
        return Op.of(SystemCall.PRLIMIT64, name, Arg.of(0), Arg.of(resource), new Arg.Bytes(limit.array()), Arg.of(0));
    }
}
