/* Takes so many MiB (argument 1), in a grandchild if there is a second argument, and keeps them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count > 2) {
        if (fork() == 0) {
            if (fork() != 0) {
                _exit(0);
            }
        } else {
            wait(0);
            pause();
        }
    }
    for (int i = 0; i < atoi(arguments[1]); i++) {
        char *piece = malloc(1 << 20);
        if (!piece) {
            printf("no more after %d\n", i);
            return 1;
        }
        memset(piece, 1, 1 << 20);
    }
    printf("taken\n");
    fflush(stdout);
    pause();
}
