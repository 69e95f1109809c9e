/* Sends a signal (argument 1) to everybody it may, and changes the priority and limits of whoever it sees, until its input ends. */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int count, char **arguments) {
    int number = atoi(arguments[1]);
    struct pollfd input = {0, POLLIN, 0};
    struct rlimit few = {3, 3};
    printf("pestering\n");
    fflush(stdout);
    while (poll(&input, 1, 0) == 0) {
        for (int i = 0; i < 2000; i++) {
            kill(-1, number);
        }
        for (int pid = getpid() + 1; pid < getpid() + 400; pid++) {
            setpriority(PRIO_PROCESS, pid, 19);
            prlimit(pid, RLIMIT_NOFILE, &few, 0);
        }
    }
    return 0;
}
