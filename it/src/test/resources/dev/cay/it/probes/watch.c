/* Says "watching" when it watches a directory, then the name of the first file that appears in it. */
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

int main(int argc, char **argv) {
    union {
        struct inotify_event event;
        char room[4096];
    } next;
    int fd = inotify_init1(IN_CLOEXEC);
    if (argc != 2 || inotify_add_watch(fd, argv[1], IN_CREATE) < 0) {
        perror("watch");
        return 1;
    }
    puts("watching");
    fflush(stdout);
    if (read(fd, &next, sizeof next) <= 0) {
        return 1;
    }
    puts(next.event.name);
    return 0;
}
