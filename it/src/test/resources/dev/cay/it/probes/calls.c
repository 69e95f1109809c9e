/* Tries what a sandbox must not be able to do. One line each: the attempt and "ok" or the name of the error. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *what, long result) {
    printf("%s %s\n", what, result == -1 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

/* Each attempt in a process of its own: one that succeeds changes nothing for the next. */
#define TRY(what, call) do { \
        int pid_of_attempt = fork(); \
        if (pid_of_attempt == 0) { \
            errno = 0; \
            tell(what, (long) (call)); \
            _exit(0); \
        } \
        waitpid(pid_of_attempt, 0, 0); \
    } while (0)

#ifdef __x86_64__
static long int80(long number) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
    if (result < 0 && result > -4096) {
        errno = -result;
        return -1;
    }
    return result;
}
#endif

static int child_with(int flags) {
    int pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        _exit(0);
    }
    if (pid > 0) {
        waitpid(pid, 0, 0);
    }
    return pid;
}

int main(void) {
    char buffer[256] = {0};
    long pointers[32] = {0};
    int zero = open("/dev/zero", O_RDWR);
    TRY("mount tmpfs", mount("none", "/tmp", "tmpfs", 0, ""));
    TRY("mount bind", mount("/etc", "/tmp", 0, MS_BIND, 0));
    TRY("mount proc", mount("none", "/mnt", "proc", 0, 0));
    TRY("mount cgroup v1", mount("none", "/mnt", "cgroup", 0, "rdma"));
    TRY("mount remount-rw", mount("none", "/proc/sys", 0, MS_BIND | MS_REMOUNT, 0));
    TRY("umount2", umount2("/proc/keys", MNT_DETACH));
    TRY("pivot_root", syscall(SYS_pivot_root, "/", "/tmp"));
    TRY("open_tree", syscall(428, AT_FDCWD, "/", 1));
    TRY("move_mount", syscall(429, AT_FDCWD, "/", AT_FDCWD, "/mnt", 0));
    TRY("fsopen", syscall(430, "tmpfs", 0));
    TRY("fspick", syscall(433, AT_FDCWD, "/", 0));
    TRY("mount_setattr", syscall(442, AT_FDCWD, "/", 0, buffer, 32));
    TRY("setns", setns(open("/proc/self/ns/net", O_RDONLY), 0));
    TRY("setns init", setns(open("/proc/1/ns/mnt", O_RDONLY), 0));
    TRY("unshare mount", unshare(CLONE_NEWNS));
    TRY("unshare user", unshare(CLONE_NEWUSER));
    TRY("unshare pid", unshare(CLONE_NEWPID));
    TRY("unshare net", unshare(CLONE_NEWNET));
    TRY("unshare cgroup", unshare(0x02000000));
    TRY("unshare time", unshare(0x80));
    TRY("clone user", child_with(CLONE_NEWUSER));
    TRY("clone mount", child_with(CLONE_NEWNS));
    TRY("clone plain", child_with(0));
    TRY("clone3", syscall(435, pointers, 64));
    TRY("init_module", syscall(SYS_init_module, buffer, 10, ""));
    TRY("finit_module", syscall(SYS_finit_module, zero, "", 0));
    TRY("delete_module", syscall(SYS_delete_module, "ext4", 0));
    TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
    TRY("kexec_file_load", syscall(SYS_kexec_file_load, zero, zero, 0, 0, 0));
    TRY("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
    TRY("bpf", syscall(SYS_bpf, 0, buffer, 128));
    TRY("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
    TRY("add_key", syscall(SYS_add_key, "user", "cay", "x", 1, -3));
    TRY("request_key", syscall(SYS_request_key, "user", "cay", 0, -3));
    TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
    TRY("syslog", syscall(SYS_syslog, 3, buffer, 100));
    TRY("kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
    TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
    TRY("io_uring_setup", syscall(425, 1, buffer));
    TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0));
    TRY("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
    TRY("settimeofday", syscall(SYS_settimeofday, pointers, 0));
    TRY("clock_settime", syscall(SYS_clock_settime, 0, pointers));
    TRY("swapon", syscall(SYS_swapon, "/tmp/x", 0));
    TRY("swapoff", syscall(SYS_swapoff, "/tmp/x"));
    TRY("acct", syscall(SYS_acct, "/tmp/x"));
    TRY("quotactl", syscall(SYS_quotactl, 0, "/dev/x", 0, buffer));
    TRY("sethostname", sethostname("other", 5));
    TRY("vhangup", syscall(SYS_vhangup));
    TRY("personality", syscall(SYS_personality, 0x0400000));
    TRY("personality ask", syscall(SYS_personality, 0xffffffff));
#ifdef __x86_64__
    TRY("iopl", syscall(SYS_iopl, 3));
    TRY("ioperm", syscall(SYS_ioperm, 0, 8, 1));
    TRY("modify_ldt", syscall(SYS_modify_ldt, 0, buffer, 16));
    TRY("x32 getpid", syscall(0x40000000 + 39));
    TRY("x32 execve", syscall(0x40000000 + 520, "/bin/true", 0, 0));
    TRY("int80 getpid", int80(20));
    TRY("int80 mount", int80(21));
#endif
    TRY("ioctl TIOCSTI", ioctl(zero, 0x5412, "x"));
    TRY("ioctl TIOCSTI with a high word", syscall(SYS_ioctl, zero, 0x100005412L, "x"));
    TRY("socket packet", socket(AF_PACKET, SOCK_RAW, 0));
    TRY("socket vsock", socket(40, SOCK_STREAM, 0));
    TRY("socket alg", socket(38, SOCK_SEQPACKET, 0));
    TRY("socket bluetooth", socket(31, SOCK_RAW, 0));
    TRY("socket unix", socket(AF_UNIX, SOCK_STREAM, 0));
    TRY("socket inet", socket(AF_INET, SOCK_STREAM, 0));
    TRY("socket raw icmp", socket(AF_INET, SOCK_RAW, 1));
    TRY("mknod block", mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
    TRY("mknod char", mknod("/tmp/kmem", S_IFCHR | 0600, makedev(1, 1)));
    TRY("mknod block in dev", mknod("/dev/disk", S_IFBLK | 0600, makedev(254, 0)));
    TRY("mknod fifo", mknod("/tmp/fifo", S_IFIFO | 0600, 0));
    TRY("open disk", open("/dev/disk", O_RDONLY));
    TRY("ptrace init", ptrace(PTRACE_ATTACH, 1, 0, 0));
    TRY("ptrace seize init", ptrace(PTRACE_SEIZE, 1, 0, 0));
    struct iovec local = {buffer, 8}, remote = {(void *) 0x400000, 8};
    TRY("process_vm_readv init", process_vm_readv(1, &local, 1, &remote, 1, 0));
    TRY("process_vm_writev init", process_vm_writev(1, &local, 1, &remote, 1, 0));
    TRY("pidfd_getfd init", syscall(438, syscall(434, 1, 0), 0, 0));
    TRY("open init mem", open("/proc/1/mem", O_RDWR));
    TRY("open init maps", open("/proc/1/maps", O_RDONLY) < 0 || read(open("/proc/1/maps", O_RDONLY), buffer, 1) < 0 ? -1 : 0);
    TRY("open init environ", open("/proc/1/environ", O_RDONLY));
    TRY("readlink init exe", readlink("/proc/1/exe", buffer, 100));
    TRY("readlink init root", readlink("/proc/1/root", buffer, 100));
    TRY("setuid root again", syscall(SYS_setresuid, 0, 0, 0));
    TRY("prctl keep caps", syscall(SYS_prctl, 47, 2, 21, 0, 0)); /* PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN */
    TRY("getpid", getpid());
    return 0;
}
