/* A file system of FUSE, mounted on argument 1 until the input ends: "file" is as files are; what is read of "stall", the names in "dir"
 * and whether there is "gone" it never answers. Of the first it says "unanswered". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOT = 1, FINE, STALL, DIRECTORY };
static int device;
static const char content[] = "fine\n";

static void answer(const struct fuse_in_header *in, int error, const void *body, size_t size) {
    struct fuse_out_header out = {sizeof out + size, error, in->unique};
    struct iovec parts[] = {{&out, sizeof out}, {(void *)body, size}};
    writev(device, parts, size ? 2 : 1);
}

static struct fuse_attr attributes(__u64 node) {
    int directory = node == ROOT || node == DIRECTORY;
    return (struct fuse_attr){.ino = node, .mode = directory ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1,
        .size = node == FINE ? sizeof content - 1 : node == STALL ? 4096 : 0, .blksize = 4096};
}

static void initialize(const struct fuse_in_header *in, const struct fuse_init_in *asked) {
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 65536,
        .max_readahead = asked->max_readahead, .time_gran = 1};
    out.flags = FUSE_INIT_EXT;
    out.flags2 = 1 << 8; /* FUSE_ALLOW_IDMAP of Linux 6.12, as bind mounts shift ids */
    answer(in, 0, &out, sizeof out);
}

static void look(const struct fuse_in_header *in, const char *name) {
    __u64 node = !strcmp(name, "file") ? FINE : !strcmp(name, "stall") ? STALL : !strcmp(name, "dir") ? DIRECTORY : 0;
    struct fuse_entry_out out = {.nodeid = node, .attr = attributes(node)};
    if (node) {
        answer(in, 0, &out, sizeof out);
    } else if (strcmp(name, "gone")) {
        answer(in, -ENOENT, 0, 0);
    }
}

static void serve(char *request) {
    struct fuse_in_header *in = (void *)request;
    char *body = request + sizeof *in;
    struct fuse_attr_out known = {.attr = attributes(in->nodeid)};
    struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};
    struct fuse_statfs_out system = {.st = {.bsize = 4096, .namelen = 255}};
    switch (in->opcode) {
    case FUSE_INIT: initialize(in, (void *)body); break;
    case FUSE_LOOKUP: look(in, body); break;
    case FUSE_GETATTR: answer(in, 0, &known, sizeof known); break;
    case FUSE_OPEN: case FUSE_OPENDIR: answer(in, 0, &opened, sizeof opened); break;
    case FUSE_STATFS: answer(in, 0, &system, sizeof system); break;
    case FUSE_READ:
        if (in->nodeid == FINE) {
            size_t at = ((struct fuse_read_in *)body)->offset ? sizeof content - 1 : 0;
            answer(in, 0, content + at, sizeof content - 1 - at);
        } else {
            puts("unanswered");
            fflush(stdout);
        }
        break;
    case FUSE_READDIR:
        if (in->nodeid == ROOT) {
            answer(in, 0, 0, 0);
        }
        break;
    case FUSE_RELEASE: case FUSE_RELEASEDIR: case FUSE_FLUSH: answer(in, 0, 0, 0); break;
    case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
    default: answer(in, -ENOSYS, 0, 0);
    }
}

int main(int count, char **arguments) {
    static char request[1 << 17];
    char options[128];
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", device);
    if (device < 0 || mount("cay-it", arguments[1], "fuse", MS_NOSUID | MS_NODEV, options)) {
        perror("fuse");
        return 1;
    }
    puts("mounted");
    fflush(stdout);
    struct pollfd both[] = {{device, POLLIN, 0}, {0, POLLIN, 0}};
    while (poll(both, 2, -1) > 0 && !both[1].revents) {
        if (read(device, request, sizeof request) > 0) {
            serve(request);
        }
    }
    umount2(arguments[1], MNT_DETACH);
    return 0;
}
