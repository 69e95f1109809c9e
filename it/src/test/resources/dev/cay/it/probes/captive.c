// A program in a guest: copies its input, or tries to reach the first process and its channel. One line for each thing it tries.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
static void tell(const char *what, long result) {
    printf("%s=%s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}
int main(int count, char **arguments) {
    if (!strcmp(arguments[1], "cat")) {
        static char buffer[65536];
        ssize_t length;
        while ((length = read(0, buffer, sizeof buffer)) > 0)
            for (ssize_t done = 0; done < length;) done += write(1, buffer + done, length - done);
        return 7;
    }
    if (!strcmp(arguments[1], "wait")) {
        char byte;
        return read(0, &byte, 1) == 1 ? byte : 99;
    }
    unsigned major_number = atoi(arguments[2]), minor_number = atoi(arguments[3]);
    tell("open port", open(arguments[4], O_RDWR));
    tell("make port", mknod("/tmp-port", S_IFCHR | 0666, makedev(major_number, minor_number)));
    tell("open made port", open("/tmp-port", O_RDWR));
    tell("descriptors of the first", open("/proc/1/fd/3", O_RDWR));
    tell("memory of the first", open("/proc/1/mem", O_RDWR));
    tell("trace the first", ptrace(PTRACE_SEIZE, 1, 0, 0));
    tell("pidfd_getfd", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 3, 0));
    tell("module", syscall(SYS_init_module, "", 0, ""));
    tell("mount", mount("x", "/", "tmpfs", 0, ""));
    tell("reboot", reboot(RB_POWER_OFF));
    tell("kernel memory", open("/dev/mem", O_RDWR));
    kill(1, SIGKILL);
    kill(1, SIGSTOP);
    kill(1, SIGTERM);
    setrlimit(0, 0);
    for (int i = 0; i < 5000; i++) open("/", O_RDONLY);
    tell("descriptors", open("/", O_RDONLY));
    return 0;
}
