/* CVE-2019-5736: waits for whoever enters the sandbox and opens his program for writing, until its input ends. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    struct pollfd input = {0, POLLIN, 0};
    long held = 0, written = 0;
    printf("waiting\n");
    fflush(stdout);
    while (poll(&input, 1, 0) == 0) {
        DIR *proc = opendir("/proc");
        for (struct dirent *entry; (entry = readdir(proc));) {
            int pid = atoi(entry->d_name);
            if (pid <= 1 || pid == getpid()) {
                continue;
            }
            char path[64], target[512] = {0};
            snprintf(path, sizeof path, "/proc/%d/exe", pid);
            int program = open(path, O_RDONLY);
            if (program < 0) {
                continue;
            }
            snprintf(path, sizeof path, "/proc/self/fd/%d", program);
            readlink(path, target, sizeof target - 1);
            if (strstr(target, "java") || strstr(target, "memfd") || strstr(target, "cay")) {
                held++;
                int writable = open(path, O_WRONLY);
                if (writable >= 0) {
                    written++;
                }
            }
            close(program);
        }
        closedir(proc);
    }
    printf("held %ld written %ld\n", held, written);
    return 0;
}
