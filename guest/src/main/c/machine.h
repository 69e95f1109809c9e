/* The channels of a machine: streams of bytes that are no sockets, have no end and pass no descriptors; and how the stub comes
 * to the first of them as the first process of a kernel. Nothing but what it takes to reach the channel is done here, the rest are lists. */
enum { PORTS_AT_ONCE = 1024, LOOK_FOR_PORT = 10, PATH = 256 };
enum { AF_VSOCK_ = 40, HOST = 2, HOST_PORT = 3239 };

#define PORT_NAME "dev.cay.stub"
#define MODULES "/cay/modules"
#define PORTS "/sys/class/virtio-ports/"
#define VSOCK "/dev/vsock" /* there if the kernel has sockets to its host; asking for one else would have it look for a module */

struct directory_entry {
    u64 inode, offset;
    u16 length;
    u8 type;
    char name[];
};

/* What the channel takes of it, or the negative of an error if that is nothing. */
static i64 write_channel(i32 descriptor, const u8 *bytes, u64 length) {
    u64 done = 0;
    while (done < length) {
        i64 count = CALL3(__NR_write, descriptor, bytes + done, length - done);
        if (count == -EINTR) {
            continue;
        }
        if (is_error(count) || count == 0) {
            return done > 0 ? (i64)done : count == 0 ? -EAGAIN : count;
        }
        done += (u64)count;
    }
    return (i64)done;
}

/* How many bytes are there now. Negative: nobody is at the other end; of a port there may be somebody again. A port gives a page
 * at a time. */
static i64 read_channel(i32 descriptor, u8 *bytes, u64 room) {
    u64 done = 0;
    while (done < room) {
        i64 count = CALL3(__NR_read, descriptor, bytes + done, room - done);
        if (count == -EINTR) {
            continue;
        }
        if (is_error(count) || count == 0) {
            if ((count == 0 || channel == SOCKET_CHANNEL) && count != -EAGAIN && done == 0) {
                return -1;
            }
            break;
        }
        done += (u64)count;
    }
    return (i64)done;
}

static u32 text_length(const char *text) {
    u32 length = 0;
    while (text[length]) {
        length++;
    }
    return length;
}

static void say(const char *what, const char *about) {
    CALL3(__NR_write, 2, what, text_length(what));
    CALL3(__NR_write, 2, about, text_length(about));
    CALL3(__NR_write, 2, "\n", 1);
}

static i32 open_file(const char *path, i32 flags) {
    return (i32)CALL4(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

/* Joins two texts; 0: too long. */
static int join(char *target, const char *first, const char *second, const char *third) {
    const char *parts[3] = {first, second, third};
    u32 at = 0;
    for (int i = 0; i < 3; i++) {
        u32 length = text_length(parts[i]);
        if (at + length >= PATH) {
            return 0;
        }
        memcpy(target + at, parts[i], length);
        at += length;
    }
    target[at] = 0;
    return 1;
}

/* What else is number 1 is so in a namespace, and must not do to it what is done here. */
static int is_first_of_kernel(void) {
    return CALL1(__NR_getpid, 0) == 1 && !is_error(CALL3(__NR_faccessat, AT_FDCWD, MODULES, 0));
}

static void mount_system(const char *type, const char *path) {
    CALL3(__NR_mkdirat, AT_FDCWD, path, 0755);
    i64 result = system_call(__NR_mount, (i64)type, (i64)path, (i64)type, 2 /* MS_NOSUID */, 0, 0);
    if (is_error(result) && result != -EBUSY) {
        say("stub: cannot mount ", path);
    }
}

/* Descriptors 0 to 2, before anything else is opened: there is nothing to read, and messages go to the console. */
static void open_standard(void) {
    i32 nothing = open_file("/dev/null", O_RDWR), console = open_file("/dev/console", O_WRONLY | O_NOCTTY);
    for (i32 i = 0; i < 3 && nothing >= 0; i++) {
        i32 from = i == 2 && console >= 0 ? console : nothing;
        if (from != i) {
            CALL3(__NR_dup3, from, i, O_CLOEXEC);
        }
    }
    if (nothing > 2) {
        CALL1(__NR_close, nothing);
    }
    if (console > 2) {
        CALL1(__NR_close, console);
    }
}

/* The modules without which there is no channel, in their order; what is there already, or built in, is no error. */
static void load_modules(void) {
    static char text[8192];
    i32 file = open_file(MODULES, O_RDONLY);
    i64 length = file < 0 ? 0 : CALL3(__NR_read, file, text, sizeof text - 1);
    char *name = text;
    for (i64 i = 0; i < length; i++) {
        if (text[i] != '\n') {
            continue;
        }
        text[i] = 0;
        i32 module = open_file(name, O_RDONLY);
        i64 result = module < 0 ? module : CALL3(__NR_finit_module, module, "", 0);
        if (module >= 0) {
            CALL1(__NR_close, module);
        }
        if (*name && is_error(result) && result != -EEXIST) {
            say("stub: cannot load ", name);
        }
        name = text + i + 1;
    }
    if (file >= 0) {
        CALL1(__NR_close, file);
    }
}

static int is_our_port(const char *entry) {
    char path[PATH], name[sizeof PORT_NAME + 1] = {0};
    i32 file = join(path, PORTS, entry, "/name") ? open_file(path, O_RDONLY) : -1;
    i64 length = file < 0 ? 0 : CALL3(__NR_read, file, name, sizeof name);
    if (file >= 0) {
        CALL1(__NR_close, file);
    }
    return length == sizeof PORT_NAME && memcmp(name, PORT_NAME "\n", sizeof PORT_NAME) == 0;
}

/* The port that has our name, opened: nobody else can open it then. Negative: it is not there. */
static i32 find_port(void) {
    u8 entries[PORTS_AT_ONCE];
    char path[PATH];
    i32 found = -1, directory = open_file(PORTS, O_RDONLY | O_DIRECTORY);
    i64 length;
    while (found < 0 && directory >= 0 && (length = CALL3(__NR_getdents64, directory, entries, sizeof entries)) > 0) {
        for (i64 at = 0; at < length && found < 0;) {
            const struct directory_entry *entry = (const void *)(entries + at);
            if (is_our_port(entry->name) && join(path, "/dev/", entry->name, "")) {
                found = open_file(path, O_RDWR | O_NONBLOCK);
            }
            at += entry->length;
        }
    }
    if (directory >= 0) {
        CALL1(__NR_close, directory);
    }
    return found;
}

/* A connection to the host, who takes one only: it is the channel, and its end is that of nobody but the host. Negative: nobody listens. */
static i32 call_host(void) {
    const struct {
        u16 family, reserved;
        u32 port, context;
        u8 flags, zero[3];
    } address = {AF_VSOCK_, 0, HOST_PORT, HOST, 0, {0}};
    if (is_error(CALL3(__NR_faccessat, AT_FDCWD, VSOCK, 0))) {
        return -1;
    }
    i32 caller = (i32)CALL3(__NR_socket, AF_VSOCK_, STREAM_SOCKET | O_CLOEXEC, 0);
    if (caller >= 0 && is_error(CALL3(__NR_connect, caller, &address, sizeof address))) {
        CALL1(__NR_close, caller);
        return -1;
    }
    return caller;
}

/* From the kernel's start to the channel. Without one there is nothing to do but wait for it. */
static i32 boot(void) {
    mount_system("devtmpfs", "/dev");
    open_standard();
    mount_system("sysfs", "/sys");
    load_modules();
    for (u32 looks = 0;; looks++) {
        i32 port = find_port();
        if (port >= 0 || (port = call_host()) >= 0) {
            return port;
        }
        if (looks == 1000 / LOOK_FOR_PORT) {
            say("stub: there is no port, and no host listens to ", PORT_NAME);
        }
        struct time pause = {0, LOOK_FOR_PORT * 1000000};
        CALL2(__NR_nanosleep, &pause, 0);
    }
}
