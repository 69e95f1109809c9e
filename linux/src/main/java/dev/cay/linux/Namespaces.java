package dev.cay.linux;

/** Namespaces, see namespaces(7). */
public final class Namespaces {
    public static final long MOUNT = 0x0002_0000;
    public static final long CGROUP = 0x0200_0000;
    public static final long UTS = 0x0400_0000;
    public static final long IPC = 0x0800_0000;
    public static final long USER = 0x1000_0000;
    public static final long PID = 0x2000_0000;
    public static final long NETWORK = 0x4000_0000;

    private Namespaces() {}

    /** {@code int unshare(int flags)} unshare(2). */
    public static Op unshare(long namespaces) {
        return Op.of(SystemCall.UNSHARE, names(namespaces), Arg.of(namespaces));
    }

    /** {@code int setns(int fd, int nstype)} setns(2), with a namespace's descriptor or a process's. */
    public static Op enter(Fd fd, long namespaces) {
        return Op.of(SystemCall.SETNS, names(namespaces), Arg.of(fd), Arg.of(namespaces));
    }

    /** {@code int sethostname(const char *name, size_t len)} sethostname(2). */
    public static Op sethostname(String name) {
        return Op.of(SystemCall.SETHOSTNAME, name, Arg.text(name), Arg.of(name.length()));
    }

    private static String names(long namespaces) {
        StringBuilder names = new StringBuilder();
        name(names, namespaces, MOUNT, "mount");
        name(names, namespaces, CGROUP, "cgroup");
        name(names, namespaces, UTS, "uts");
        name(names, namespaces, IPC, "ipc");
        name(names, namespaces, USER, "user");
        name(names, namespaces, PID, "pid");
        name(names, namespaces, NETWORK, "network");
        return names.toString();
    }

    private static void name(StringBuilder names, long namespaces, long one, String name) {
        if ((namespaces & one) != 0) {
            names.append(names.isEmpty() ? "" : " ").append(name);
        }
    }
}
