/* The stub without a kernel, for fuzzers that are guided by what they reach: guided [FILE ...]. What comes to the stub is a file, or standard
 * input; what it asks of the kernel is answered here, by numbers that the file's beginning determines, and touches nothing of this
 * machine. So the same bytes do the same each time, and any system call may stand in a list. See fuzz-guided. */
#define HOSTED
#define FAKED
#define main stub_main
#include "../../main/c/stub.c"
#undef main

/* The headers of a libc are not those of the kernel. */
void *aligned_alloc(__SIZE_TYPE__ alignment, __SIZE_TYPE__ size);
void free(void *memory);
_Noreturn void _exit(int code);
_Noreturn void abort(void);
int open(const char *path, int flags, ...);
int close(int descriptor);
__INTPTR_TYPE__ read(int descriptor, void *bytes, __SIZE_TYPE__ count);
int fork(void);
int waitpid(int pid, int *status, int options);
int dprintf(int descriptor, const char *format, ...);
__attribute__((weak)) void __asan_handle_no_return(void);

enum { INPUT_SIZE = 1 << 16, SETTINGS = 4, ROUNDS = 4000, ROUNDS_AFTER = 40, PROCESSES = 64, FIRST_FREE = 16, DESCRIPTORS = 900 };
enum { EXITED = 1, KILLED = 2, FIRST_PID = 100 };

static u8 input[INPUT_SIZE];
static u32 input_length, input_at, rounds_after, rounds;
static u64 state, now_nanoseconds = 1000000000;
static i32 next_descriptor = FIRST_FREE, next_pid = FIRST_PID;

static struct process {
    i32 pid, code, status;
} processes[PROCESSES];
static u32 process_count;

static u8 in_child, executed;
static i32 exit_status;
static void *end_of_child[5];

static u32 draw(u32 limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (u32)((state >> 16) % limit);
}

static i32 new_descriptor(void) {
    next_descriptor = next_descriptor < DESCRIPTORS ? next_descriptor + 1 : FIRST_FREE;
    return next_descriptor;
}

_Noreturn static void leave_child(i32 status) {
    exit_status = status;
    if (__asan_handle_no_return) {
        __asan_handle_no_return();
    }
    __builtin_longjmp(end_of_child, 1);
}

static void enter_process(i32 pid, i32 code, i32 status) {
    if (process_count < PROCESSES) {
        processes[process_count++] = (struct process){pid, code, status};
    }
}

/* A child runs at once, up to its end or its execve; after that it is a process that ends some day. */
__attribute__((noinline)) i64 spawn(struct clone_args *arguments, u64 size, void (*function)(void *), void *argument) {
    (void)size;
    if ((arguments->flags & CLONE_THREAD) || process_count == PROCESSES || draw(16) == 0) {
        return -EAGAIN;
    }
    if (arguments->flags & CLONE_PIDFD) {
        *(i32 *)arguments->pidfd = new_descriptor();
    }
    in_child = 1;
    executed = 0;
    if (__builtin_setjmp(end_of_child) == 0) {
        function(argument);
    }
    in_child = 0;
    *(u32 *)arguments->child_tid = 0;
    i32 pid = next_pid++;
    enter_process(pid, executed && draw(2) ? KILLED : EXITED, executed ? (i32)draw(10) : exit_status);
    return pid;
}

static int is_connection(i64 descriptor) {
    for (u32 i = 0; i < CONNECTIONS; i++) {
        if (connections[i].open && connections[i].descriptor == descriptor) {
            return 1;
        }
    }
    return descriptor == 0;
}

static i64 take(u8 *to, u64 room) {
    u64 left_over = input_length - input_at, count = room < left_over ? room : left_over;
    if (count == 0) {
        return 0;
    }
    if (draw(16) == 0) {
        return -EAGAIN;
    }
    if (draw(4) == 0) {
        count = 1 + draw((u32)count);
    }
    memcpy(to, input + input_at, count);
    input_at += (u32)count;
    return (i64)count;
}

/* What is written is read, so that a sanitizer sees all of it. */
static i64 give(const u8 *from, u64 count) {
    static volatile u8 sum;
    for (u64 i = 0; i < count; i++) {
        sum += from[i];
    }
    switch (draw(8)) {
        case 0: return -EAGAIN;
        case 1: return count == 0 ? 0 : 1 + draw((u32)count);
        default: return (i64)count;
    }
}

static i64 receive_message(i64 descriptor, struct message *message) {
    struct {
        u64 length;
        i32 level, type;
        i32 descriptors[LIST_DESCRIPTORS];
    } *control = message->control;
    i64 received = is_connection(descriptor) ? take((u8 *)(u64)message->vectors[0].base, message->vectors[0].length) : 0;
    message->flags = draw(200) == 0 ? MSG_CTRUNC_ : 0;
    message->control_length = 0;
    u32 count = received > 0 && draw(3) == 0 ? draw(5) : 0;
    if (count > 0) {
        *control = (typeof(*control)){.length = 16 + 4 * count, .level = SOL_SOCKET_, .type = SCM_RIGHTS_};
        for (u32 i = 0; i < count; i++) {
            control->descriptors[i] = new_descriptor();
        }
        message->control_length = 16 + 4 * count;
    }
    return received;
}

static i64 send_message(const struct message *message) {
    u64 length = 0;
    for (u64 i = 0; i < message->vector_count; i++) {
        length += message->vectors[i].length;
        give(message->vectors[i].base, message->vectors[i].length);
    }
    u32 how = draw(12);
    return how == 0 ? -EAGAIN : how == 1 ? -EPIPE : how == 2 && length > 0 ? 1 + draw((u32)length) : (i64)length;
}

static u32 event(struct epoll_event *events, u32 count, enum event_kind kind, u32 index) {
    events[count] = (struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data = (u64)kind << 32 | index};
    return count + 1;
}

static i64 wait_for_events(struct epoll_event *events, u32 room, i64 timeout) {
    u32 count = 0, from = draw(CONNECTIONS);
    int over = input_at == input_length;
    if (++rounds > ROUNDS || (over && ++rounds_after > ROUNDS_AFTER)) {
        _exit(0);
    }
    now_nanoseconds += draw(4) == 0 ? (u64)(timeout > 0 ? timeout : 1) * 1000000 : draw(1000000);
    for (u32 i = 0; i < CONNECTIONS && count < 2; i++) { /* of a channel the end is told once more */
        u32 index = (from + i) % CONNECTIONS;
        if (connections[index].open || (is_channel(&connections[index]) && !over)) {
            count = event(events, count, CONNECTION, index);
        }
    }
    for (u32 slot = 0; slot < RUNNING_JOBS && count < room - 8; slot++) {
        if (running[slot] && running[slot]->started >= 0 && draw(2)) {
            count = event(events, count, STARTED, slot);
        }
    }
    for (u32 i = 0; i < executions_end && count < room - 2; i++) {
        u32 which = draw(3);
        if (executions[i].used && executions[i].streams[which].descriptor >= 0 && draw(2)) {
            count = event(events, count, STREAM, 4 * i + which);
        }
    }
    if (process_count > 0 && draw(2)) {
        count = event(events, count, SIGNALS, 0);
    }
    return count;
}

static i64 wait_for_child(i32 *information) {
    if (process_count == 0 || draw(3) == 0) {
        return process_count == 0 ? -ECHILD : 0;
    }
    u32 which = draw(process_count);
    information[2] = processes[which].code;
    information[4] = processes[which].pid;
    information[6] = processes[which].status;
    processes[which] = processes[--process_count];
    return 0;
}

static i64 map_memory(u64 size) {
    u8 *memory = draw(100) == 0 || size > 16 << 20 ? 0 : aligned_alloc(4096, (size + 4095) & ~4095ull);
    if (!memory) {
        return -ENOMEM;
    }
    memset(memory, 0, size);
    return (i64)memory;
}

/* What the stub itself asks. */
i64 system_call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
    (void)e;
    (void)f;
    switch (number) {
        case __NR_exit_group:
        case __NR_exit:
            if (in_child) {
                leave_child((i32)a);
            }
            _exit(0);
        case __NR_recvmsg:
            return receive_message(a, (struct message *)b);
        case __NR_sendmsg:
            return send_message((const struct message *)b);
        case __NR_read:
            if (is_connection(a)) {
                return take((u8 *)b, (u64)c);
            }
            if (a == signals) {
                return c;
            }
            if (draw(3) == 0) {
                return draw(2) ? 0 : -EAGAIN;
            }
            c = 1 + draw((u32)c);
            memset((void *)b, 'x', (u64)c);
            return c;
        case __NR_write:
        case __NR_pwrite64:
            return give((const u8 *)b, (u64)c);
        case __NR_pread64:
            return 0;
        case __NR_epoll_pwait:
            return wait_for_events((struct epoll_event *)b, (u32)c, d);
        case __NR_epoll_create1:
        case __NR_signalfd4:
            return new_descriptor();
        case __NR_fcntl:
            return b != F_DUPFD_CLOEXEC ? 0 : draw(32) == 0 ? -EBADF : new_descriptor();
        case __NR_getsockopt:
            *(i32 *)d = c == SO_TYPE_ ? STREAM_SOCKET : 0;
            return 0;
        case __NR_pipe2:
            if (draw(32) == 0) {
                return -EMFILE;
            }
            ((i32 *)a)[0] = new_descriptor();
            ((i32 *)a)[1] = new_descriptor();
            return 0;
        case __NR_clock_gettime:
            now_nanoseconds += draw(1000);
            *(struct time *)b = (struct time){(i64)(now_nanoseconds / 1000000000), (i64)(now_nanoseconds % 1000000000)};
            return 0;
        case __NR_waitid:
            return wait_for_child((i32 *)c);
        case __NR_mmap:
            return map_memory((u64)b);
        case __NR_munmap:
            free((void *)a);
            return 0;
        case __NR_madvise:
            memset((void *)a, 0, (u64)b);
            return 0;
        case __NR_uname:
            memset((void *)a, 0, 6 * 65);
            return 0;
        case __NR_getpid:
            return 2;
        case __NR_accept4:
            return -EAGAIN;
        case __NR_dup3:
            return b;
        default:
            return 0;
    }
}

/* What lists ask: anything, of which nothing is done. What it would write to memory is the kernel's affair. */
i64 listed_call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
    (void)b;
    (void)c;
    (void)d;
    (void)e;
    (void)f;
    if (number == __NR_exit_group || number == __NR_exit) {
        if (in_child) {
            leave_child((i32)a & 0xff);
        }
        _exit(0);
    }
    if (in_child && (number == __NR_execve || number == __NR_execveat) && draw(4)) {
        executed = 1;
        leave_child(0);
    }
    switch (draw(4)) {
        case 0: return -(i64)(1 + draw(130));
        case 1: return new_descriptor();
        default: return 0;
    }
}

static void go_through(int file) {
    i64 count;
    while (input_length < INPUT_SIZE && (count = read(file, input + input_length, INPUT_SIZE - input_length)) > 0) {
        input_length += (u32)count;
    }
    if (input_length < SETTINGS) {
        _exit(0);
    }
    state = (u64)input[1] << 16 | (u64)input[2] << 8 | input[3] | 1ull << 40;
    input_at = SETTINGS;
    char *arguments[] = {"stub", input[0] & 1 ? "machine" : "attached", 0};
    stub(2, arguments);
}

/* Each file has a process of its own, as the stub ends with its input. */
int main(int count, char **arguments) {
    int failures = 0;
    if (count == 1) {
        go_through(0);
    }
    for (int i = 1; i < count; i++) {
        int status = 0, child = fork();
        if (child == 0) {
            go_through(open(arguments[i], O_RDONLY));
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            dprintf(2, "guided: %s: status %#x\n", arguments[i], status);
            failures++;
        }
    }
    return failures > 0;
}
