// The first process of a guest: loads the modules, says that it is there, and does what the channel says.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    char line[4096];
    mount("dev", "/dev", "devtmpfs", 0, "");
    FILE *list = fopen("/cay/modules", "r");
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = 0;
        int module = open(line, O_RDONLY);
        if (syscall(SYS_finit_module, module, "", 0)) printf("%s: %s\n", line, strerror(errno));
        close(module);
    }
    int port = -1;
    for (int i = 0; i < 3000 && port < 0; i++, usleep(10000)) port = open("/dev/vport0p1", O_RDWR);
    write(port, "ready\n", 6);
    for (;;) {
        int count = read(port, line, sizeof line - 1);
        if (count <= 0) { usleep(10000); continue; }
        line[count] = 0;
        if (!strcmp(line, "power off\n")) { sync(); reboot(RB_POWER_OFF); }
        if (!strcmp(line, "panic\n")) exit(3);
        if (!strcmp(line, "disk\n")) {
            int disk = open("/dev/vda", O_RDWR);
            count = disk < 0 ? snprintf(line, sizeof line, "%s\n", strerror(errno)) : pread(disk, line, 9, 0);
            if (disk >= 0 && pwrite(disk, "guest", 5, 512) != 5) count = snprintf(line, 9, "no write");
            if (disk >= 0) fsync(disk);
        }
        write(port, line, count);
    }
}
