package dev.cay.engine.seccomp;

import static dev.cay.engine.seccomp.Action.Errno.EAFNOSUPPORT;
import static dev.cay.engine.seccomp.Action.Errno.ENOSYS;
import static dev.cay.engine.seccomp.Action.Errno.EPERM;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Our own policy: what Docker's default leaves to a container without CAP_SYS_ADMIN, and less where ordinary programs
 * do not notice. It presumes the sandbox's default capabilities (of those that matter here it has CAP_SYS_CHROOT,
 * CAP_MKNOD and CAP_NET_RAW) and does not change with them. Nothing is ever killed; what is refused is refused with the
 * error that makes programs fall back. Every call of the table stands in exactly one group (a test counts), so that a
 * new one is a decision, never an accident.
 */
final class StandardProfile {
    static final Action DEFAULT = new Action.Errno(EPERM);

    private static final Action ALLOW = new Action.Allow();

    private StandardProfile() {}

    static List<SeccompProfile.Rule> rules() {
        return Stream.of(StandardCalls.allowed(), refused(), conditional())
                .flatMap(List::stream)
                .toList();
    }

    private static List<SeccompProfile.Rule> refused() {
        return List.of(
                // The mount table and the file system context calls need CAP_SYS_ADMIN, and with a user namespace have
                // been the way into more kernel bugs than anything else. open_by_handle_at opens any file of a file
                // system, whatever its path (the "shocker" escape). fanotify_init would watch whole mounts.
                refuse(EPERM, """
                    mount umount2 pivot_root move_mount mount_setattr open_tree open_tree_attr
                    fsopen fsconfig fsmount fspick open_by_handle_at fanotify_init
                    """),
                // Leaving for another namespace. (Making a new one: clone and unshare, below.)
                refuse(EPERM, "setns"),
                // Putting code into the kernel, or another kernel into this one's place.
                refuse(EPERM, """
                    init_module finit_module delete_module create_module get_kernel_syms query_module
                    kexec_load kexec_file_load reboot bpf
                    """),
                // Looking at the whole machine: performance counters, kernel log, what other processes share.
                refuse(EPERM, "perf_event_open lookup_dcookie syslog kcmp"),
                // Large and young pieces of kernel. io_uring would also pass every filter on sockets and files that
                // goes by system call; userfaultfd stops the kernel in the middle of a copy, for as long as an exploit
                // needs.
                refuse(EPERM, "io_uring_setup io_uring_enter io_uring_register userfaultfd"),
                // Keyrings do not belong to a namespace.
                refuse(EPERM, "add_key request_key keyctl"),
                // What belongs to the machine as a whole: its clock, swap, accounting, quotas, names, ports and
                // consoles. (adjtimex and clock_adjtime are allowed: without CAP_SYS_TIME they only read.)
                refuse(EPERM, """
                    settimeofday clock_settime swapon swapoff acct quotactl quotactl_fd
                    sethostname setdomainname iopl ioperm vhangup
                    """),
                // Placement on NUMA nodes is the host's affair; programs that try it go on without.
                refuse(EPERM, """
                    mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages
                    """),
                // Withdrawn or never implemented; nothing of this century calls them.
                refuse(EPERM, """
                    uselib ustat sysfs _sysctl nfsservctl getpmsg putpmsg afs_syscall tuxcall security vserver
                    epoll_ctl_old epoll_wait_old
                    """),
                // Its flags lie in memory, where a filter cannot look, so it could make namespaces. C libraries fall
                // back to clone, but only on ENOSYS.
                refuse(ENOSYS, "clone3"),
                // Its use is 16- and 32-bit code, which the sandbox does not run; kernels can be built without it, and
                // answer so.
                refuse(ENOSYS, "modify_ldt"),
                // New ways to what has an old, allowed way (/proc/self/attr, the FS_IOC_FSGETXATTR ioctl): not needed
                // before they have aged.
                refuse(ENOSYS, "lsm_get_self_attr lsm_set_self_attr lsm_list_modules file_getattr file_setattr"));
    }

    private static List<SeccompProfile.Rule> conditional() {
        return Stream.of(namespaces(), terminals(), personalities(), addressFamilies())
                .flatMap(List::stream)
                .toList();
    }

    /**
     * Threads, processes and private copies of a process' own tables, but no new namespaces: a fresh user namespace
     * would give back, inside it, every capability that was taken away.
     */
    private static List<SeccompProfile.Rule> namespaces() {
        int namespaceFlags = 0x7E02_0000 // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
                | 0x80; // CLONE_NEWTIME: for clone part of the exit signal, in a range where there is no signal
        // unshare will get more flags; so far these make no namespace: CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM
        int unsharable = 0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000;
        return List.of(
                // The flags are argument 0 on both architectures; the kernel takes the lower word of them.
                rule("clone", ALLOW, Condition.noneOf(0, namespaceFlags)),
                refuse(EPERM, "clone"),
                rule("unshare", ALLOW, Condition.noneOf(0, ~unsharable)),
                refuse(EPERM, "unshare"));
    }

    /**
     * All of ioctl but two requests that put characters into a terminal's input, where the shell outside would read
     * them as typed, if the sandbox shares its terminal.
     */
    private static List<SeccompProfile.Rule> terminals() {
        int pushCharacter = 0x5412; // TIOCSTI
        int pasteSelection = 0x541C; // TIOCLINUX
        return List.of(
                rule("ioctl", new Action.Errno(EPERM), Condition.intEquals(1, pushCharacter)),
                rule("ioctl", new Action.Errno(EPERM), Condition.intEquals(1, pasteSelection)),
                rule("ioctl", ALLOW));
    }

    /**
     * The personalities of today's programs and the question which one it is. Others bring back old behaviour that
     * eases exploits, such as no address randomisation, or readable meaning executable.
     */
    private static List<SeccompProfile.Rule> personalities() {
        int linux32 = 0x8;
        int uname26 = 0x2_0000;
        int ask = 0xFFFF_FFFF;
        return Stream.concat(
                        Stream.of(0, linux32, uname26, uname26 | linux32, ask)
                                .map(value -> rule("personality", ALLOW, Condition.intEquals(0, value))),
                        Stream.of(refuse(EPERM, "personality")))
                .toList();
    }

    /**
     * Four families of sockets. AF_VSOCK would reach the hypervisor past every network namespace, AF_PACKET the raw
     * link, AF_ALG and the many others are little-used kernel code that the first socket loads as a module. The error
     * is that of a kernel built without the family: programs try their next one, where EPERM ends some of them.
     * socketpair makes sockets as well, so the same holds for it; the kernel implements it for AF_UNIX and for little
     * else.
     */
    private static List<SeccompProfile.Rule> addressFamilies() {
        int unix = 1;
        int internet = 2;
        int internet6 = 10;
        int netlink = 16;
        return Stream.concat(
                        Stream.of(unix, internet, internet6, netlink)
                                .map(family -> rule("socket", ALLOW, Condition.intEquals(0, family))),
                        Stream.of(
                                refuse(EAFNOSUPPORT, "socket"),
                                rule("socketpair", ALLOW, Condition.intEquals(0, unix)),
                                refuse(EAFNOSUPPORT, "socketpair")))
                .toList();
    }

    private static SeccompProfile.Rule refuse(int errno, String names) {
        return new SeccompProfile.Rule(names(names), new Action.Errno(errno), List.of());
    }

    private static SeccompProfile.Rule rule(String name, Action action, Condition... conditions) {
        return new SeccompProfile.Rule(Set.of(name), action, List.of(conditions));
    }

    /** Names between spaces and line ends; a name twice is an error. */
    static Set<String> names(String text) {
        return Set.of(text.strip().split("\\s+"));
    }
}
