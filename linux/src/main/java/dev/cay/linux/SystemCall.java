package dev.cay.linux;

import java.util.Locale;

/**
 * The system calls that lists are made of, with their numbers on each architecture; a test compares them with the kernel's
 * headers. Calls that only one architecture has are left out: there is always an {@code *at} form that both have.
 */
public enum SystemCall {
    OPENAT(257, 56),
    CLOSE(3, 57),
    READ(0, 63),
    WRITE(1, 64),
    PREAD64(17, 67),
    PWRITE64(18, 68),
    PWRITEV2(328, 287),
    LSEEK(8, 62),
    IOCTL(16, 29),
    FCNTL(72, 25),
    FLOCK(73, 32),
    FSYNC(74, 82),
    FTRUNCATE(77, 46),
    FSTATFS(138, 44),
    STATX(332, 291),
    GETDENTS64(217, 61),
    MKDIRAT(258, 34),
    MKNODAT(259, 33),
    FCHOWNAT(260, 54),
    FCHMODAT(268, 53),
    FCHMOD(91, 52),
    UNLINKAT(263, 35),
    SYMLINKAT(266, 36),
    READLINKAT(267, 78),
    RENAMEAT2(316, 276),
    LINKAT(265, 37),
    UTIMENSAT(280, 88),
    INOTIFY_INIT1(294, 26),
    INOTIFY_ADD_WATCH(254, 27),
    INOTIFY_RM_WATCH(255, 28),
    FSETXATTR(190, 7),
    FGETXATTR(193, 10),
    FLISTXATTR(196, 13),
    OPENAT2(437, 437),
    CLOSE_RANGE(436, 436),
    DUP3(292, 24),
    PIPE2(293, 59),
    MEMFD_CREATE(319, 279),
    EVENTFD2(290, 19),
    PPOLL(271, 73),
    EPOLL_CREATE1(291, 20),
    EPOLL_CTL(233, 21),
    EPOLL_PWAIT(281, 22),
    MMAP(9, 222),
    MPROTECT(10, 226),
    MUNMAP(11, 215),
    MOUNT(165, 40),
    UMOUNT2(166, 39),
    PIVOT_ROOT(155, 41),
    OPEN_TREE(428, 428),
    MOVE_MOUNT(429, 429),
    FSOPEN(430, 430),
    FSCONFIG(431, 431),
    FSMOUNT(432, 432),
    MOUNT_SETATTR(442, 442),
    UNSHARE(272, 97),
    SETNS(308, 268),
    CLONE3(435, 435),
    SETHOSTNAME(170, 161),
    CHDIR(80, 49),
    CHROOT(161, 51),
    KEYCTL(250, 219),
    FCHDIR(81, 50),
    UMASK(95, 166),
    SETSID(112, 157),
    SETGROUPS(116, 159),
    SETRESUID(117, 147),
    SETRESGID(119, 149),
    SETFSUID(122, 151),
    SETFSGID(123, 152),
    CAPSET(126, 91),
    SCHED_SETSCHEDULER(144, 119),
    PRCTL(157, 167),
    PRLIMIT64(302, 261),
    RT_SIGACTION(13, 134),
    RT_SIGPROCMASK(14, 135),
    SECCOMP(317, 277),
    LANDLOCK_CREATE_RULESET(444, 444),
    LANDLOCK_ADD_RULE(445, 445),
    LANDLOCK_RESTRICT_SELF(446, 446),
    EXECVE(59, 221),
    EXECVEAT(322, 281),
    EXIT_GROUP(231, 94),
    GETPID(39, 172),
    GETPPID(110, 173),
    KILL(62, 129),
    TGKILL(234, 131),
    WAITID(247, 95),
    PIDFD_OPEN(434, 434),
    PIDFD_SEND_SIGNAL(424, 424),
    SOCKET(41, 198),
    SOCKETPAIR(53, 199),
    SENDMSG(46, 211),
    RECVMSG(47, 212),
    SHUTDOWN(48, 210),
    BIND(49, 200),
    LISTEN(50, 201),
    CONNECT(42, 203),
    ACCEPT4(288, 242),
    SENDTO(44, 206),
    RECVFROM(45, 207),
    SETSOCKOPT(54, 208),
    NANOSLEEP(35, 101),
    CLOCK_GETTIME(228, 113),
    CLOCK_SETTIME(227, 112),
    SYNC(162, 81),
    MEMBARRIER(324, 283),
    REBOOT(169, 142);

    private final int x86Number;
    private final int armNumber;

    SystemCall(int x86Number, int armNumber) {
        this.x86Number = x86Number;
        this.armNumber = armNumber;
    }

    /** The number of this call on an architecture. */
    public int number(Architecture architecture) {
        return switch (architecture) {
            case X86_64 -> x86Number;
            case AARCH64 -> armNumber;
        };
    }

    /** The name in the kernel's headers and manual pages. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
