package dev.cay.engine.seccomp;

import java.util.List;
import java.util.stream.Stream;

/** The calls that {@link StandardProfile} allows whatever their arguments. */
final class StandardCalls {
    private StandardCalls() {}

    static List<SeccompProfile.Rule> allowed() {
        return Stream.of(files(), memoryAndTime(), processes(), communication())
                .flatMap(List::stream)
                .toList();
    }

    private static List<SeccompProfile.Rule> files() {
        return List.of(
                // Opening, reading, writing: the walls here are the mount namespace and permissions.
                allow("""
                    open openat openat2 creat close close_range read write readv writev pread64 pwrite64
                    preadv pwritev preadv2 pwritev2 lseek dup dup2 dup3 fcntl flock pipe pipe2
                    sendfile splice tee vmsplice copy_file_range
                    truncate ftruncate fallocate fadvise64 readahead cachestat
                    fsync fdatasync sync syncfs sync_file_range
                    """),
                // Names and directories. mknod: CAP_MKNOD, for FIFOs and tar; devices are stopped by the cgroup.
                // chroot: CAP_SYS_CHROOT, for package managers; it opens nothing that the mount namespace does not
                // have.
                allow("""
                    getcwd chdir fchdir chroot mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat
                    symlink symlinkat readlink readlinkat mknod mknodat getdents getdents64 name_to_handle_at
                    """),
                // Attributes, and questions about the mounts that the process sees anyway in /proc/self/mountinfo.
                allow("""
                    stat fstat lstat newfstatat statx statfs fstatfs statmount listmount access faccessat faccessat2
                    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask
                    utime utimes utimensat futimesat
                    setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat
                    listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat
                    """),
                // Waiting for events. fanotify_mark needs the descriptor that fanotify_init does not give.
                allow("""
                    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
                    eventfd eventfd2 signalfd signalfd4
                    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
                    """),
                // The old asynchronous input and output: databases.
                allow("io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents"));
    }

    private static List<SeccompProfile.Rule> memoryAndTime() {
        return List.of(
                // Its own memory. JITs need mprotect and memfd_create, allocators madvise and process_madvise (for
                // other processes it asks for ptrace's permission and CAP_SYS_NICE); memfd_secret, pkey_*, mseal and
                // map_shadow_stack only take rights away from the caller itself.
                allow("""
                    mmap munmap mremap mprotect brk madvise process_madvise mincore msync remap_file_pages
                    mlock mlock2 mlockall munlock munlockall memfd_create memfd_secret membarrier mseal map_shadow_stack
                    pkey_alloc pkey_free pkey_mprotect
                    """),
                // Reading clocks, and waiting for them. The two adjusting ones read, unless there is CAP_SYS_TIME on
                // the host: time synchronisation looks that way whether it is needed.
                allow("""
                    time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep adjtimex clock_adjtime
                    alarm getitimer setitimer timer_create timer_delete timer_settime timer_gettime timer_getoverrun
                    timerfd_create timerfd_settime timerfd_gettime
                    """),
                // Random numbers.
                allow("getrandom"));
    }

    private static List<SeccompProfile.Rule> processes() {
        return List.of(
                // Birth, death, and who is whose child. restart_syscall is how the kernel goes on with an interrupted
                // call.
                allow("""
                    fork vfork execve execveat exit exit_group wait4 waitid restart_syscall
                    getpid getppid gettid getpgid setpgid getpgrp getsid setsid
                    set_tid_address set_robust_list get_robust_list rseq
                    prctl arch_prctl set_thread_area get_thread_area
                    """),
                // Locks.
                allow("futex futex_wait futex_wake futex_requeue futex_waitv"),
                // Scheduling and limits, within what capabilities and the cgroup leave.
                allow("""
                    sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler
                    sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity
                    sched_getaffinity sched_setattr sched_getattr getcpu
                    getpriority setpriority ioprio_get ioprio_set
                    getrlimit setrlimit prlimit64 getrusage times sysinfo uname
                    """),
                // Signals.
                allow("""
                    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo
                    rt_sigsuspend rt_tgsigqueueinfo sigaltstack pause kill tkill tgkill
                    """),
                // Processes held by descriptor. pidfd_getfd asks for the permission that ptrace asks for, and takes no
                // more than ptrace can.
                allow("pidfd_open pidfd_send_signal pidfd_getfd process_mrelease"),
                // Debuggers, for processes of the sandbox itself. Since Linux 4.8 a tracer cannot change a call after
                // the filter has seen it; Cay needs a newer kernel than that in any case.
                allow("ptrace process_vm_readv process_vm_writev"),
                // Called by code that the kernel itself puts into a process that is being profiled from outside:
                // refused, the process crashes. Called by anything else they fail.
                allow("uretprobe uprobe"),
                // Who it is. The capabilities that remain decide who it can become.
                allow("""
                    getuid geteuid getresuid setuid setreuid setresuid setfsuid
                    getgid getegid getresgid setgid setregid setresgid setfsgid getgroups setgroups capget capset
                    """),
                // Shutting itself in further: browsers, systemd's services, our own tests.
                allow("seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"));
    }

    private static List<SeccompProfile.Rule> communication() {
        return List.of(
                // Sockets that are there; which ones can be made is a condition on socket and socketpair.
                allow("""
                    bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
                    sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg
                    """),
                // System V and POSIX queues, semaphores, shared memory: they belong to the sandbox's IPC namespace.
                allow("""
                    shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
                    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
                    """));
    }

    private static SeccompProfile.Rule allow(String names) {
        return new SeccompProfile.Rule(StandardProfile.names(names), new Action.Allow(), List.of());
    }
}
