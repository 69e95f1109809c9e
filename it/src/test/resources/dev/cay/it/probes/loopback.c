// The first process of a guest that is its own host: vsock_loopback stands for the VMM. A child listens where the stub calls and
// hands on what is said to the port and back; then the stub takes this one's place.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static void pass(int from, int to) {
    char bytes[4096];
    int count = read(from, bytes, sizeof bytes), done = 0;
    if (count <= 0) { usleep(1000); return; }
    while (done < count) { int part = write(to, bytes + done, count - done); if (part > 0) done += part; else usleep(1000); }
}
int main(void) {
    char line[4096];
    mount("dev", "/dev", "devtmpfs", 0, "");
    for (int i = 0; i < 3; i++) open("/dev/console", O_RDWR);
    FILE *list = fopen("/cay/modules", "r");
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = 0;
        int module = open(line, O_RDONLY);
        if (!strstr(line, "stub") && syscall(SYS_finit_module, module, "", 0)) perror(line);
        close(module);
    }
    if (list) fclose(list);
    unlink("/cay/modules");
    close(open("/cay/modules", O_CREAT | O_WRONLY, 0644)); // all of them are there
    int port = -1; // whoever has opened it has it alone, so the stub finds none
    for (int i = 0; i < 3000 && port < 0; i++, usleep(10000)) port = open("/dev/vport0p1", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int door = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_vm address = {AF_VSOCK, 0, 3239, VMADDR_CID_ANY};
    if (bind(door, (void *)&address, sizeof address) || listen(door, 1)) perror("listen");
    if (fork() == 0) {
        int caller = accept(door, 0, 0);
        close(door);
        for (;;) {
            struct pollfd both[2] = {{caller, POLLIN}, {port, POLLIN}};
            poll(both, 2, -1);
            if (both[0].revents) pass(caller, port);
            if (both[1].revents) pass(port, caller);
        }
    }
    chmod("/cay/stub", 0755);
    execl("/cay/stub", "/cay/stub", (char *)0);
    perror("stub");
    return 1;
}
