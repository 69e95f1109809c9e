/* Looks into every process it can see until its input ends, and tells what of it came from outside the sandbox.
   The arguments are words that nothing in the sandbox contains. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long looked, opened, found;
static int words;
static char **word;

static void check(const char *path, const char *text, long length) {
    for (int i = 0; i < words; i++) {
        if (memmem(text, length, word[i], strlen(word[i]))) {
            if (found++ < 20) {
                printf("%s: %.*s\n", path, (int) (length < 120 ? length : 120), text);
                fflush(stdout);
            }
            return;
        }
    }
}

static void file(const char *process, const char *name) {
    static char text[65536];
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/%s", process, name);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    looked++;
    if (fd < 0) {
        return;
    }
    long length = read(fd, text, sizeof text);
    if (length > 0) {
        opened++;
        check(path, text, length);
    }
    close(fd);
}

static void link_of(const char *process, const char *name) {
    char path[300], text[4096];
    snprintf(path, sizeof path, "/proc/%s/%s", process, name);
    long length = readlink(path, text, sizeof text);
    looked++;
    if (length > 0) {
        check(path, text, length);
    }
}

static void through(const char *process, const char *name) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/%s", process, name);
    if (open(path, O_PATH) >= 0 && found++ < 20) {
        printf("%s can be opened\n", path);
        fflush(stdout);
    }
}

static void process(const char *pid) {
    static const char *files[] = {"maps", "smaps", "environ", "cmdline", "auxv", "stack", "mountinfo", "stat", "status", "numa_maps", "pagemap", 0};
    static const char *links[] = {"exe", "cwd", "root", "fd/0", "fd/3", "fd/4", "fd/5", "fd/10", "map_files", 0};
    for (int i = 0; files[i]; i++) {
        file(pid, files[i]);
    }
    for (int i = 0; links[i]; i++) {
        link_of(pid, links[i]);
    }
    through(pid, "root/run/cay/engines");
    through(pid, "root/etc/shadow");
    through(pid, "cwd/pom.xml");
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int fd = open(path, O_RDWR);
    if (fd >= 0) {
        close(fd);
        snprintf(path, sizeof path, "/proc/%s/exe", pid);
        char text[4096] = {0};
        readlink(path, text, sizeof text - 1);
        check("mem opened of", text, strlen(text));
    }
}

int main(int count, char **arguments) {
    words = count - 1;
    word = arguments + 1;
    char self[16];
    snprintf(self, sizeof self, "%d", getpid());
    struct pollfd input = {0, POLLIN, 0};
    printf("looking\n");
    fflush(stdout);
    while (poll(&input, 1, 0) == 0) {
        DIR *proc = opendir("/proc");
        for (struct dirent *entry; (entry = readdir(proc));) {
            if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && strcmp(entry->d_name, self) && strcmp(entry->d_name, "1")) {
                process(entry->d_name);
            }
        }
        closedir(proc);
    }
    printf("looked %ld opened %ld found %ld\n", looked, opened, found);
    return 0;
}
