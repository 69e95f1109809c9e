package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What the C headers say about every number in this module: a C program prints them, for the other architecture too. That
 * program is compiled for this machine, with the headers of the other; both lay out structs alike (LP64, natural alignment),
 * so where they differ it is the headers that say so.
 */
class OracleTest {
    /** What constants are called in C; what is not here and has no rule in {@link #expression} has the same name there. */
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("FileOps.OPEN_HOW_SIZE", "sizeof(struct open_how)"),
            Map.entry("Mount.MOUNT_ATTR_SIZE", "sizeof(struct mount_attr)"),
            Map.entry("Namespaces.MOUNT", "CLONE_NEWNS"),
            Map.entry("Namespaces.NETWORK", "CLONE_NEWNET"),
            Map.entry("Credentials.CAPABILITY_VERSION_3", "_LINUX_CAPABILITY_VERSION_3"),
            Map.entry("Landlock.PATH_BENEATH_SIZE", "sizeof(struct landlock_path_beneath_attr)"),
            Map.entry("Landlock.CREATE_RULESET_VERSION", "LANDLOCK_CREATE_RULESET_VERSION"),
            Map.entry("Landlock.RULESET_SIZE", "sizeof(struct landlock_ruleset_attr_of_6_12)"),
            Map.entry("Landlock.RULESET_SIZE_WITHOUT_SCOPES", "sizeof(struct landlock_ruleset_attr_of_5_13)"),
            Map.entry("Processes.SIG_IGN", "(long) SIG_IGN"),
            Map.entry("Poll.IN", "POLLIN"),
            Map.entry("Poll.OUT", "POLLOUT"),
            Map.entry("Poll.PRIORITY", "POLLPRI"),
            Map.entry("Poll.POLLFD_SIZE", "sizeof(struct pollfd)"),
            Map.entry("Poller.EVENT_DATA", "offsetof(struct epoll_event, data)"),
            Map.entry("Poller.EVENT_SIZE", "sizeof(struct epoll_event)"),
            Map.entry("EventFd.CLOEXEC_NONBLOCK", "EFD_CLOEXEC | EFD_NONBLOCK"),
            Map.entry("Loopback.SOCK_DGRAM_CLOEXEC", "SOCK_DGRAM | SOCK_CLOEXEC"),
            Map.entry("Loopback.IFREQ_SIZE", "sizeof(struct ifreq)"),
            Map.entry("Loopback.IFREQ_FLAGS", "offsetof(struct ifreq, ifr_flags)"),
            Map.entry("Tap.IFREQ_SIZE", "sizeof(struct ifreq)"),
            Map.entry("Tap.IFREQ_FLAGS", "offsetof(struct ifreq, ifr_flags)"),
            Map.entry("Loopback.IFF_UP_RUNNING", "IFF_UP | IFF_RUNNING"),
            Map.entry("Datagrams.SOCKADDR_IN_SIZE", "sizeof(struct sockaddr_in)"),
            Map.entry("Datagrams.PORT_AT", "offsetof(struct sockaddr_in, sin_port)"),
            Map.entry("Datagrams.ADDRESS_AT", "offsetof(struct sockaddr_in, sin_addr)"),
            Map.entry("Child.SIGINFO_SIZE", "sizeof(siginfo_t)"),
            Map.entry("Child.SIGINFO_CODE", "offsetof(siginfo_t, si_code)"),
            Map.entry("Child.SIGINFO_PID", "offsetof(siginfo_t, si_pid)"),
            Map.entry("Child.SIGINFO_STATUS", "offsetof(siginfo_t, si_status)"),
            Map.entry("Encoding.CLONE_SIZE", "sizeof(struct clone_args)"),
            Map.entry("Encoding.CLONE_FLAGS", "offsetof(struct clone_args, flags)"),
            Map.entry("Encoding.CLONE_PIDFD", "offsetof(struct clone_args, pidfd)"),
            Map.entry("Encoding.CLONE_PARENT_TID", "offsetof(struct clone_args, parent_tid)"),
            Map.entry("Encoding.CLONE_EXIT_SIGNAL", "offsetof(struct clone_args, exit_signal)"),
            Map.entry("Encoding.CLONE_CGROUP", "offsetof(struct clone_args, cgroup)"),
            Map.entry("Encoding.TIMESPEC_SIZE", "sizeof(struct timespec)"),
            Map.entry("Program.HEADER_SIZE", "sizeof(Elf64_Ehdr)"),
            Map.entry("Program.SEGMENT_SIZE", "sizeof(Elf64_Phdr)"),
            Map.entry("Program.ALL_SEALS", "F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE"),
            Map.entry("Program.PF_EXECUTE", "PF_X"),
            Map.entry("Program.PF_WRITE", "PF_W"),
            Map.entry("Program.PF_READ", "PF_R"),
            Map.entry("DirectoryOps.OPEN_HOW_SIZE", "sizeof(struct open_how)"),
            Map.entry("DirectoryOps.DIRENT_LENGTH", "offsetof(struct dirent64, d_reclen)"),
            Map.entry("DirectoryOps.DIRENT_TYPE", "offsetof(struct dirent64, d_type)"),
            Map.entry("DirectoryOps.DIRENT_NAME", "offsetof(struct dirent64, d_name)"),
            Map.entry("FileStatus.SIZE", "sizeof(struct statx)"),
            Map.entry("FileStatus.AT_LINKS", "offsetof(struct statx, stx_nlink)"),
            Map.entry("FileStatus.AT_USER", "offsetof(struct statx, stx_uid)"),
            Map.entry("FileStatus.AT_GROUP", "offsetof(struct statx, stx_gid)"),
            Map.entry("FileStatus.AT_MODE", "offsetof(struct statx, stx_mode)"),
            Map.entry("FileStatus.AT_INODE", "offsetof(struct statx, stx_ino)"),
            Map.entry("FileStatus.AT_SIZE", "offsetof(struct statx, stx_size)"),
            Map.entry("FileStatus.AT_MODIFIED", "offsetof(struct statx, stx_mtime.tv_sec)"),
            Map.entry("FileStatus.AT_MODIFIED_NANOSECONDS", "offsetof(struct statx, stx_mtime.tv_nsec)"),
            Map.entry("FileStatus.AT_DEVICE_MAJOR", "offsetof(struct statx, stx_dev_major)"),
            Map.entry("FileStatus.AT_DEVICE_MINOR", "offsetof(struct statx, stx_dev_minor)"),
            Map.entry("Inotify.IN_NONBLOCK_CLOEXEC", "IN_NONBLOCK | IN_CLOEXEC"),
            Map.entry("Inotify.EVENT_SIZE", "sizeof(struct inotify_event)"),
            Map.entry("Inotify.EVENT_MASK", "offsetof(struct inotify_event, mask)"),
            Map.entry("Inotify.EVENT_COOKIE", "offsetof(struct inotify_event, cookie)"),
            Map.entry("Inotify.EVENT_LENGTH", "offsetof(struct inotify_event, len)"),
            Map.entry("Child.PIDFD_INFO_SIZE", "sizeof(struct pidfd_info_of_6_13)"),
            Map.entry("Child.PIDFD_INFO_EXIT_CODE_AT", "offsetof(struct pidfd_info_of_6_13, exit_code)"),
            Map.entry("ResourceUsage.SIZE", "sizeof(struct rusage)"),
            Map.entry("ResourceUsage.USER_AT", "offsetof(struct rusage, ru_utime)"),
            Map.entry("ResourceUsage.SYSTEM_AT", "offsetof(struct rusage, ru_stime)"),
            Map.entry("ResourceUsage.MAXRSS_AT", "offsetof(struct rusage, ru_maxrss)"),
            Map.entry("ResourceUsage.MINFLT_AT", "offsetof(struct rusage, ru_minflt)"),
            Map.entry("ResourceUsage.MAJFLT_AT", "offsetof(struct rusage, ru_majflt)"),
            Map.entry("ResourceUsage.INBLOCK_AT", "offsetof(struct rusage, ru_inblock)"),
            Map.entry("ResourceUsage.OUBLOCK_AT", "offsetof(struct rusage, ru_oublock)"),
            Map.entry("ResourceUsage.NVCSW_AT", "offsetof(struct rusage, ru_nvcsw)"),
            Map.entry("ResourceUsage.NIVCSW_AT", "offsetof(struct rusage, ru_nivcsw)"),
            Map.entry("Credentials.SECBIT_NO_SETUID_FIXUP", "1 << SECURE_NO_SETUID_FIXUP"),
            Map.entry("FileOps.FIFREEZE", "_IOWR('X', 119, int)"),
            Map.entry("FileOps.FITHAW", "_IOWR('X', 120, int)"),
            Map.entry("SparseFile.FICLONE", "_IOW(0x94, 9, int)"), // linux/fs.h, which quarrels with sys/mount.h
            Map.entry("MachineOps.TIMESPEC_SIZE", "sizeof(struct timespec)"),
            Map.entry("MachineOps.REBOOT_MAGIC1", "LINUX_REBOOT_MAGIC1"),
            Map.entry("MachineOps.REBOOT_MAGIC2", "LINUX_REBOOT_MAGIC2"),
            Map.entry("MachineOps.REBOOT_POWER_OFF", "LINUX_REBOOT_CMD_POWER_OFF"),
            Map.entry("MachineOps.REBOOT_RESTART", "LINUX_REBOOT_CMD_RESTART"),
            Map.entry("LoopDevice.CONFIG_SIZE", "sizeof(struct loop_config)"),
            Map.entry("LoopDevice.CONFIG_FD", "offsetof(struct loop_config, fd)"),
            Map.entry("LoopDevice.CONFIG_FLAGS", "offsetof(struct loop_config, info.lo_flags)"),
            Map.entry("LoopDevice.INFO_SIZE", "sizeof(struct loop_info64)"),
            Map.entry("LoopDevice.INFO_DEVICE", "offsetof(struct loop_info64, lo_device)"),
            Map.entry("LoopDevice.INFO_INODE", "offsetof(struct loop_info64, lo_inode)"),
            Map.entry("UnixSocket.TYPE", "SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC"),
            Map.entry("UnixSocket.ADDRESS_SIZE", "sizeof(struct sockaddr_un)"),
            Map.entry("UnixSocket.PATH_AT", "offsetof(struct sockaddr_un, sun_path)"),
            Map.entry("UnixSocket.MSGHDR_SIZE", "sizeof(struct msghdr)"),
            Map.entry("UnixSocket.MSG_IOV", "offsetof(struct msghdr, msg_iov)"),
            Map.entry("UnixSocket.MSG_IOVLEN", "offsetof(struct msghdr, msg_iovlen)"),
            Map.entry("UnixSocket.MSG_CONTROL", "offsetof(struct msghdr, msg_control)"),
            Map.entry("UnixSocket.MSG_CONTROLLEN", "offsetof(struct msghdr, msg_controllen)"),
            Map.entry("UnixSocket.MSG_FLAGS", "offsetof(struct msghdr, msg_flags)"),
            Map.entry("UnixSocket.CMSGHDR_SIZE", "sizeof(struct cmsghdr)"),
            Map.entry("UnixSocket.CMSG_LEVEL", "offsetof(struct cmsghdr, cmsg_level)"),
            Map.entry("UnixSocket.CMSG_TYPE", "offsetof(struct cmsghdr, cmsg_type)"));

    /** Numbers that the kernel does not know. */
    private static final List<String> OURS = List.of(
            "Encoding\\.(CONTROL|OP)_.*", // the launcher's
            "Encoding\\.END",
            "Errno\\..*", // all of them are compared as an enum
            "Child\\.LOOKS",
            "ResourceUsage\\.NANOSECONDS",
            "Fd\\.CLOSED",
            "FileOps\\.MODE_MASK",
            "(FrameCodec|Greeting)\\..*", // as KeptExecution
            "FileOps\\.LOWEST",
            "HandOver\\.(DESCRIPTORS|(LINK|PIPE)_SIZE|FIRST|SETTLE_NANOSECONDS)",
            "Mailboxes\\..*", // parts of a key
            "MachineOps\\.EVERYBODY",
            "Encoding\\.NO_SUCH_CALL",
            "Faults\\.NONE",
            "Landlock\\.ABI_WITH_.*",
            "Downcalls\\.PAGE",
            ".*\\.MAXIMUM(_.*)?", // limits of ours
            "Pipe\\.(CAPACITY|WOULD_BLOCK|END)",
            "Poll\\.FOREVER",
            "ProcessLauncher\\.(REQUEST_.*|NONE|(ACTIONS|ATTRIBUTES|SIGSET)_SIZE|SIGNALS_OF_LIBC)",
            "Processes\\.SIGACTION_SIZE", // has a test of its own
            "Program\\.LOAD_ADDRESS",
            "RecordingKernel\\..*",
            "Scratch\\.SIZE",
            "TimestampCounter\\..*", // of timestamp-x86_64.S
            "SharedMemory\\.PLACE.*",
            "KeptExecution\\..*", // of the stub's protocol, which the tests of Stub compare
            "Stub(List|Connection)?\\..*",
            "UnixSocket\\.(BACKLOG|MAXIMUM_DESCRIPTORS|WOULD_BLOCK|END|CHUNK)",
            "SyscallException\\.serialVersionUID");

    /** Numbers that stand in the code without a name, most of them offsets. */
    private static final Map<String, Long> UNNAMED = Map.ofEntries(
            Map.entry("offsetof(struct open_how, flags)", 0L),
            Map.entry("offsetof(struct open_how, mode)", 8L),
            Map.entry("offsetof(struct open_how, resolve)", 16L),
            Map.entry("AT_REMOVEDIR", 0x200L),
            Map.entry("AT_SYMLINK_NOFOLLOW", 0x100L),
            Map.entry("CLOSE_RANGE_CLOEXEC", 4L),
            Map.entry("LOCK_EX | LOCK_NB", 6L),
            Map.entry("offsetof(struct mount_attr, attr_set)", 0L),
            Map.entry("offsetof(struct mount_attr, userns_fd)", 24L),
            Map.entry("sizeof(struct __user_cap_header_struct)", 8L),
            Map.entry("sizeof(struct __user_cap_data_struct[2])", 24L),
            Map.entry("offsetof(struct __user_cap_data_struct, effective)", 0L),
            Map.entry("offsetof(struct __user_cap_data_struct, permitted)", 4L),
            Map.entry("offsetof(struct __user_cap_data_struct, inheritable)", 8L),
            Map.entry("sizeof(struct sock_fprog)", 16L),
            Map.entry("offsetof(struct sock_fprog, filter)", 8L),
            Map.entry("sizeof(struct sock_filter)", 8L),
            Map.entry("sizeof(struct rlimit)", 16L),
            Map.entry("offsetof(struct rlimit, rlim_max)", 8L),
            Map.entry("sizeof(gid_t)", 4L),
            Map.entry("offsetof(struct landlock_ruleset_attr, handled_access_fs)", 0L),
            Map.entry("offsetof(struct landlock_ruleset_attr_of_6_12, scoped)", 16L),
            Map.entry("offsetof(struct pollfd, events)", 4L),
            Map.entry("offsetof(struct pollfd, revents)", 6L),
            Map.entry("offsetof(struct epoll_event, events)", 0L),
            Map.entry("offsetof(struct timespec, tv_nsec)", 8L),
            Map.entry("ET_EXEC", 2L),
            // The launcher's own, in assembly.
            Map.entry("PR_SET_DUMPABLE", 4L),
            Map.entry("PR_SET_NAME", 15L),
            Map.entry("SIG_SETMASK", 2L),
            Map.entry("MAP_SHARED | MAP_FIXED_NOREPLACE", 0x100001L),
            Map.entry("PROT_READ | PROT_WRITE", 3L),
            Map.entry("CLONE_NEWPID", 0x2000_0000L),
            // What posix_spawn's structs must fit into.
            Map.entry("sizeof(posix_spawn_file_actions_t) <= 256", 1L),
            Map.entry("sizeof(posix_spawnattr_t) <= 512", 1L),
            Map.entry("sizeof(sigset_t) <= 128", 1L),
            Map.entry("__SIGRTMIN", 32L));

    /** What is newer than Linux 6.1, whose headers Debian 12 has. Headers that define it are believed more than this. */
    private static final String NEWER = """
        #ifndef MFD_EXEC
        #define MFD_EXEC 0x0010U /* Linux 6.3, include/uapi/linux/memfd.h */
        #endif
        #ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
        #define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* Linux 6.12, include/uapi/linux/landlock.h */
        #endif
        #ifndef PIDFD_SIGNAL_PROCESS_GROUP
        #define PIDFD_SIGNAL_PROCESS_GROUP (1UL << 2) /* Linux 6.9, include/uapi/linux/pidfd.h */
        #endif
        /* Linux 6.13, include/uapi/linux/pidfd.h; 6.15 added PIDFD_INFO_EXIT and exit_code in what had been left free */
        struct pidfd_info_of_6_13 {
            __u64 mask, cgroupid;
            __u32 pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
            __s32 exit_code;
        };
        #ifndef PIDFD_GET_INFO
        #define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info_of_6_13)
        #endif
        #ifndef PIDFD_INFO_EXIT
        #define PIDFD_INFO_EXIT (1UL << 3)
        #endif
        struct landlock_ruleset_attr_of_5_13 { __u64 handled_access_fs; };
        /* Linux 6.7 added the second, 6.12 the third */
        struct landlock_ruleset_attr_of_6_12 { __u64 handled_access_fs, handled_access_net, scoped; };
        """;

    private static final List<String> HEADERS = List.of(
            "stddef.h",
            "dirent.h",
            "elf.h",
            "errno.h",
            "fcntl.h",
            "net/if.h",
            "netinet/in.h",
            "poll.h",
            "sched.h",
            "signal.h",
            "spawn.h",
            "sys/epoll.h",
            "sys/eventfd.h",
            "sys/file.h",
            "sys/inotify.h",
            "sys/ioctl.h",
            "sys/mman.h",
            "sys/mount.h",
            "sys/prctl.h",
            "sys/resource.h",
            "sys/socket.h",
            "sys/stat.h",
            "sys/syscall.h",
            "sys/uio.h",
            "sys/un.h",
            "sys/wait.h",
            "time.h",
            "linux/capability.h",
            "linux/close_range.h",
            "linux/filter.h",
            "linux/if_tun.h",
            "linux/keyctl.h",
            "linux/landlock.h",
            "linux/random.h",
            "linux/reboot.h",
            "linux/loop.h",
            "linux/membarrier.h",
            "linux/memfd.h",
            "linux/mount.h",
            "linux/openat2.h",
            "linux/sched.h",
            "linux/securebits.h",
            "linux/seccomp.h");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void systemCalls(Architecture architecture) throws IOException {
        Map<String, Long> expected = new LinkedHashMap<>();
        for (SystemCall call : SystemCall.values()) {
            expected.put("__NR_" + call.text(), (long) call.number(architecture));
        }
        assertThat(expected).isEqualTo(asked(architecture, expected));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void errorNumbers(Architecture architecture) throws IOException {
        Map<String, Long> expected = new LinkedHashMap<>();
        for (Errno errno : Errno.values()) {
            expected.put(errno.name(), (long) errno.number());
        }
        assertThat(expected).isEqualTo(asked(architecture, expected));
    }

    /** Every number constant of every class: one that is new has to be given its C name, or be said to be ours. */
    @ParameterizedTest
    @EnumSource(Architecture.class)
    void constants(Architecture architecture) throws IOException {
        Map<String, Long> expected = new LinkedHashMap<>();
        List<String> command = Tools.java(Constants.class);
        command.add(architecture.text());
        String printed = Tools.run(directory, command.toArray(String[]::new));
        for (String line : printed.lines().toList()) {
            String[] words = line.split(" ");
            if (OURS.stream().noneMatch(words[0]::matches)) {
                expected.put(expression(words[0]), Long.parseLong(words[1]));
            }
        }
        assertThat(expected).containsKeys("O_NOFOLLOW", "sizeof(struct clone_args)", "CLONE_NEWUSER");
        assertThat(expected).isEqualTo(asked(architecture, expected));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void numbersWithoutAName(Architecture architecture) throws IOException {
        assertThat(UNNAMED).isEqualTo(asked(architecture, UNNAMED));
    }

    /** A struct that glibc's headers hide behind one of their own. */
    @ParameterizedTest
    @EnumSource(Architecture.class)
    void sigactionOfTheKernel(Architecture architecture) throws IOException {
        Map<String, Long> expected =
                Map.of("sizeof(struct sigaction)", 32L, "offsetof(struct sigaction, sa_handler)", 0L);
        assertThat(expected).isEqualTo(asked(architecture, expected, List.of("stddef.h", "asm/signal.h"), ""));
        assertThat(Processes.SIGACTION_SIZE).isEqualTo(32);
    }

    private static String expression(String constant) {
        String field = constant.substring(constant.indexOf('.') + 1);
        UnaryOperator<String> rule = switch (constant.substring(0, constant.indexOf('.'))) {
            case "Namespaces" -> name -> "CLONE_NEW" + name;
            case "Landlock" -> name -> "LANDLOCK_" + name;
            case "Mount" -> name -> name.startsWith("ATTR_") ? "MOUNT_" + name : name;
            default -> UnaryOperator.identity();
        };
        return NAMES.getOrDefault(
                constant,
                rule.apply(field)
                        .replace("READ_WRITE", "READ | PROT_WRITE")
                        .replace("READ_EXEC", "READ | PROT_EXEC")
                        .replace("PRIVATE_ANONYMOUS", "PRIVATE | MAP_ANONYMOUS"));
    }

    /** What a C program says the values of these expressions are. */
    private Map<String, Long> asked(Architecture architecture, Map<String, Long> expressions) throws IOException {
        return asked(architecture, expressions, HEADERS, NEWER);
    }

    private Map<String, Long> asked(
            Architecture architecture, Map<String, Long> expressions, List<String> headers, String more)
            throws IOException {
        StringBuilder source = new StringBuilder("#define _GNU_SOURCE\n");
        headers.forEach(header -> source.append("#include <").append(header).append(">\n"));
        source.append(more).append("int printf(const char *, ...);\nint main(void) {\n");
        for (String expression : expressions.keySet()) {
            source.append("    printf(\"%lld\\n\", (long long) (")
                    .append(expression)
                    .append("));\n");
        }
        Files.writeString(directory.resolve("oracle.c"), source.append("    return 0;\n}\n"));
        List<String> command = new ArrayList<>(List.of("gcc", "-Wall", "-o", "oracle", "oracle.c"));
        if (architecture != Native.ARCHITECTURE) {
            command.addAll(foreignHeaders(architecture));
        }
        assertThatCode(() -> Tools.run(directory, command.toArray(String[]::new)))
                .as("a name that is undeclared belongs into NAMES or OURS of this test, or its header into HEADERS")
                .doesNotThrowAnyException();
        List<Long> values =
                Tools.run(directory, "./oracle").lines().map(Long::valueOf).toList();
        Map<String, Long> answers = new LinkedHashMap<>();
        for (String expression : expressions.keySet()) {
            answers.put(expression, values.get(answers.size()));
        }
        return answers;
    }

    private List<String> foreignHeaders(Architecture architecture) {
        return List.of(
                "-nostdinc",
                "-isystem",
                Tools.run(directory, "gcc", "-print-file-name=include").strip(),
                "-isystem",
                "/usr/" + architecture.text() + "-linux-gnu/include",
                "-U__" + Native.ARCHITECTURE.text() + "__",
                "-D__" + architecture.text() + "__",
                "-D__" + architecture.text().toUpperCase(java.util.Locale.ROOT) + "EL__");
    }
}
