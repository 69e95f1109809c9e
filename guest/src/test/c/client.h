/* A client of the stub for the tests: frames, lists, what was received. Not every test uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;
#include "../../main/c/protocol.h"

static const char *current_test = "?";

#define FAIL(...) \
    do { \
        fprintf(stderr, "FAILED %s, %s:%d: ", current_test, __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__); \
        fputc('\n', stderr); \
        exit(1); \
    } while (0)
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            FAIL("%s (errno %d)", #condition, errno); \
        } \
    } while (0)

enum { STREAMS = 512, KEPT_OUTPUT = 1 << 20 };

struct seen {
    int results, failed, error, exits, code, status, timed_out, ends[3], end_errors[3], lost, lost_error, attached, pid;
    uint8_t *result;
    uint32_t result_length;
    uint64_t credit, data[3], attached_bytes[2];
    uint8_t *output[3]; /* its first bytes */
    int order, result_order, exit_order, first_data_order;
    u64 usage[RUSAGE];
};

struct client {
    int descriptor, closed, order;
    u32 mark; /* of the session on a channel; 0: it is a socket */
    uint8_t buffer[1 << 17];
    uint32_t length;
    int descriptors[1024], descriptor_count;
    int pongs, hellos;
    uint8_t hello[256];
    uint32_t hello_length;
    uint8_t alive[8192]; /* the last answer to ALIVE */
    int alive_length;
    struct seen seen[STREAMS];
};

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct client *client_on(int descriptor) {
    struct client *client = calloc(1, sizeof *client);
    client->descriptor = descriptor;
    return client;
}

static void hang_up(struct client *client) {
    close(client->descriptor);
    for (int i = 0; i < client->descriptor_count; i++) {
        close(client->descriptors[i]);
    }
    for (int i = 0; i < STREAMS; i++) {
        free(client->seen[i].result);
        for (int which = 0; which < 3; which++) {
            free(client->seen[i].output[which]);
        }
    }
    free(client);
}

static void receive_one(struct client *client, const struct frame *frame, const uint8_t *bytes) {
    struct seen *seen = &client->seen[frame->stream % STREAMS];
    int32_t words[8] = {0};
    memcpy(words, bytes, frame->length < sizeof words ? frame->length : sizeof words);
    client->order++;
    switch (frame->kind) {
        case HELLO:
            client->hellos++;
            client->hello_length = frame->length;
            memcpy(client->hello, bytes, frame->length < 256 ? frame->length : 256);
            break;
        case PONG:
            client->pongs++;
            break;
        case ALIVE:
            memcpy(client->alive, bytes, frame->length);
            client->alive_length = frame->length;
            break;
        case RESULT:
            seen->result = realloc(seen->result, seen->result_length + frame->length + 1);
            memcpy(seen->result + seen->result_length, bytes, frame->length);
            seen->result_length += frame->length;
            if (!(frame->flags & MORE)) {
                seen->results++;
                memcpy(&seen->failed, seen->result, 4);
                memcpy(&seen->error, seen->result + 4, 4);
                seen->result_order = client->order;
            }
            break;
        case DATA:
            if (!seen->output[frame->flags]) {
                seen->output[frame->flags] = calloc(1, KEPT_OUTPUT);
                seen->first_data_order = client->order;
            }
            if (seen->data[frame->flags] + frame->length < KEPT_OUTPUT) {
                memcpy(seen->output[frame->flags] + seen->data[frame->flags], bytes, frame->length);
            }
            seen->data[frame->flags] += frame->length;
            break;
        case CREDIT:
            CHECK(frame->flags == INPUT && frame->length == 4);
            seen->credit += (uint32_t)words[0];
            break;
        case END:
            CHECK(frame->length == 4);
            if (frame->flags == WHOLE) {
                seen->lost++;
                seen->lost_error = words[0];
            } else {
                CHECK(frame->flags < 3);
                seen->ends[frame->flags]++;
                seen->end_errors[frame->flags] = words[0];
            }
            break;
        case EXIT:
            CHECK(frame->length == 160);
            memcpy(seen->usage, bytes + 16, sizeof seen->usage);
            seen->exits++;
            seen->code = words[0];
            seen->status = words[1];
            seen->timed_out = words[2];
            seen->exit_order = client->order;
            break;
        case ATTACHED:
            CHECK(frame->length == 24);
            seen->attached++;
            seen->pid = words[0];
            memcpy(seen->attached_bytes, bytes + 8, 16);
            break;
        default:
            FAIL("unexpected kind %d", frame->kind);
    }
}

/* Takes what is there within the time; 0: nothing came. */
static int take(struct client *client, int milliseconds) {
    struct pollfd wanted = {client->descriptor, POLLIN, 0};
    if (client->closed || poll(&wanted, 1, milliseconds) <= 0) {
        return 0;
    }
    union {
        char bytes[CMSG_SPACE(4 * 64)];
        struct cmsghdr header;
    } control;
    struct iovec vector = {client->buffer + client->length, sizeof client->buffer - client->length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(client->descriptor, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0 && errno == EAGAIN) {
        return 0;
    }
    if (length <= 0) {
        client->closed = 1;
        return 1;
    }
    CHECK(!(message.msg_flags & MSG_CTRUNC));
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        int count = (int)((part->cmsg_len - CMSG_LEN(0)) / 4);
        memcpy(client->descriptors + client->descriptor_count, CMSG_DATA(part), 4u * (size_t)count);
        client->descriptor_count += count;
    }
    client->length += (uint32_t)length;
    uint32_t at = 0;
    struct frame frame;
    while (client->length - at >= sizeof frame) {
        memcpy(&frame, client->buffer + at, sizeof frame);
        CHECK(frame.length <= FRAME_SIZE);
        if (client->length - at < sizeof frame + frame.length) {
            break;
        }
        receive_one(client, &frame, client->buffer + at + sizeof frame);
        at += (uint32_t)sizeof frame + frame.length;
    }
    memmove(client->buffer, client->buffer + at, client->length - at);
    client->length -= at;
    return 1;
}

#define AWAIT(client, condition) \
    do { \
        uint64_t until_ = now_ns() + 8000000000u; \
        while (!(condition)) { \
            if (now_ns() > until_) { \
                FAIL("did not come: %s%s", #condition, (client)->closed ? " (connection ended)" : ""); \
            } \
            if ((client)->closed) { \
                FAIL("connection ended before: %s", #condition); \
            } \
            take(client, 100); \
        } \
    } while (0)
#define AWAIT_END(client) \
    do { \
        uint64_t until_ = now_ns() + 8000000000u; \
        while (!(client)->closed) { \
            if (now_ns() > until_) { \
                FAIL("connection was not ended"); \
            } \
            take(client, 100); \
        } \
    } while (0)

static void send_bytes(struct client *client, const void *bytes, size_t length, const int *descriptors, int count) {
    union {
        char bytes[CMSG_SPACE(4 * 253)];
        struct cmsghdr header;
    } control = {{0}};
    const uint8_t *from = bytes;
    while (length > 0) {
        struct iovec vector = {(void *)from, length};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        if (count > 0) {
            message.msg_control = &control;
            message.msg_controllen = CMSG_SPACE(4u * (unsigned)count);
            control.header.cmsg_len = CMSG_LEN(4u * (unsigned)count);
            control.header.cmsg_level = SOL_SOCKET;
            control.header.cmsg_type = SCM_RIGHTS;
            memcpy(CMSG_DATA(&control.header), descriptors, 4u * (size_t)count);
        }
        ssize_t sent = sendmsg(client->descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) { /* the stub may be waiting for us to read */
            if (!take(client, 10)) {
                struct pollfd wanted = {client->descriptor, POLLOUT, 0};
                poll(&wanted, 1, 10);
            }
            continue;
        }
        if (sent < 0) {
            return;
        }
        count = 0;
        from += sent;
        length -= (size_t)sent;
    }
}

static void send_frame_with(struct client *client, uint32_t stream, uint8_t kind, uint8_t flags, const void *payload,
        uint16_t length, const int *descriptors, int count) {
    uint8_t bytes[sizeof(struct frame) + 65536 + 4];
    struct frame frame = {stream, kind, flags, length};
    memcpy(bytes, &frame, sizeof frame);
    if (length) {
        memcpy(bytes + sizeof frame, payload, length);
    }
    int marked = client->mark && kind != HELLO;
    memcpy(bytes + sizeof frame + length, &client->mark, 4);
    send_bytes(client, bytes, sizeof frame + length + (marked ? 4 : 0), descriptors, count);
}

static void send_plain(struct client *client, uint32_t stream, uint8_t kind, uint8_t flags, const void *payload, uint16_t length) {
    send_frame_with(client, stream, kind, flags, payload, length, 0, 0);
}

static void send_words(struct client *client, uint32_t stream, uint8_t kind, uint8_t flags, int count, uint32_t first, uint32_t second) {
    uint32_t words[2] = {first, second};
    send_plain(client, stream, kind, flags, words, (uint16_t)(4 * count));
}

/* A list under construction: offsets of the data count from its beginning until bytes_of() knows where that is. */
struct list {
    struct list_header header;
    struct operation operations[64];
    struct relocation relocations[64];
    uint8_t data[8192];
    uint32_t data_length;
    int descriptors[40];
    uint8_t *bytes;
};

#define OFFSET(i) (1ull << (OFFSET_BIT + (i)))
#define INDEX(i) (1ull << (DESCRIPTOR_BIT + (i)))
#define VALUE(i) (1ull << (VALUE_BIT + (i)))
#define SENT (1ull << SEND_BIT)
#define REPEATED (1ull << REPEAT_BIT)

static struct list *new_list(enum mode mode) {
    struct list *list = calloc(1, sizeof *list);
    list->header.mode = (uint16_t)mode;
    list->header.cgroup = list->header.record = list->header.cgroup_kill = -1;
    list->header.ours[0] = list->header.ours[1] = list->header.ours[2] = -1;
    return list;
}

static struct operation *add(struct list *list, long number, uint64_t mask, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
    struct operation *operation = &list->operations[list->header.operations++];
    *operation = (struct operation){.number = number, .arguments = {a, b, c, d, e, 0}, .mask = mask};
    return operation;
}

static uint32_t put(struct list *list, const void *bytes, uint32_t length) {
    uint32_t at = (list->data_length + 7) & ~7u;
    if (bytes) {
        memcpy(list->data + at, bytes, length);
    }
    list->data_length = at + length;
    return at;
}

static uint32_t put_text(struct list *list, const char *text) {
    return put(list, text, (uint32_t)strlen(text) + 1);
}

static int pass(struct list *list, int descriptor) {
    list->descriptors[list->header.descriptors] = descriptor;
    return list->header.descriptors++;
}

/* On a channel descriptors are numbers that stand in the list. */
static int lists_have_numbers;

/* Fixes the offsets; the length is header.total. */
static uint8_t *bytes_of(struct list *list) {
    struct list_header *header = &list->header;
    uint32_t operations = 80u * header->operations, relocations = 8u * header->relocations;
    uint32_t numbers = lists_have_numbers ? 4u * header->descriptors : 0;
    uint32_t base = 80 + operations + relocations + ((numbers + 7) & ~7u);
    header->total = base + list->data_length;
    if (header->reply_length) {
        header->reply += base;
    }
    for (int i = 0; i < header->operations; i++) {
        for (int k = 0; k < 6; k++) {
            if (list->operations[i].mask & OFFSET(k)) {
                list->operations[i].arguments[k] += base;
            }
        }
    }
    for (int i = 0; i < header->relocations; i++) {
        list->relocations[i].at += base;
        list->relocations[i].to += base;
    }
    list->bytes = calloc(1, header->total + 1);
    memcpy(list->bytes, header, 80);
    memcpy(list->bytes + 80, list->operations, operations);
    memcpy(list->bytes + 80 + operations, list->relocations, relocations);
    memcpy(list->bytes + 80 + operations + relocations, list->descriptors, numbers);
    memcpy(list->bytes + base, list->data, list->data_length);
    return list->bytes;
}

static void send_fragments(struct client *client, uint32_t request, const uint8_t *bytes, uint32_t total, uint32_t fragment,
        const int *descriptors, int count) {
    uint32_t at = 0;
    do {
        uint32_t part = total - at < fragment ? total - at : fragment;
        send_frame_with(client, request, RUN, at + part < total, bytes + at, (uint16_t)part, descriptors, at ? 0 : count);
        at += part;
    } while (at < total);
}

static void run(struct client *client, uint32_t request, struct list *list) {
    bytes_of(list);
    struct seen *seen = &client->seen[request];
    seen->results = 0;
    seen->result_length = 0;
    int passed = lists_have_numbers ? 0 : list->header.descriptors;
    send_fragments(client, request, list->bytes, list->header.total, FRAME_SIZE, list->descriptors, passed);
    free(list->bytes);
    free(list);
}

static void run_and_wait(struct client *client, uint32_t request, struct list *list) {
    run(client, request, list);
    AWAIT(client, client->seen[request].results == 1);
}

static int64_t result_of(struct client *client, uint32_t request, int operation) {
    int64_t value;
    memcpy(&value, client->seen[request].result + 8 + 8 * operation, 8);
    return value;
}

static int last_descriptor(struct client *client) {
    CHECK(client->descriptor_count > 0);
    return client->descriptors[--client->descriptor_count];
}

/* Operations of an execution: signals unblocked, a session of its own, descriptors 0 to 2 as given (-1: closed), then the execve. */
static void add_execve(struct list *list, const int *standard, const char *const *arguments) {
    uint64_t none = 0;
    add(list, SYS_rt_sigprocmask, OFFSET(1), SIG_SETMASK, put(list, &none, 8), 0, 8, 0);
    add(list, SYS_setsid, 0, 0, 0, 0, 0, 0);
    for (int i = 0; standard && i < 3; i++) {
        if (standard[i] >= 0) {
            add(list, SYS_dup3, INDEX(0), (uint64_t)pass(list, standard[i]), (uint64_t)i, 0, 0, 0);
        }
    }
    int count = 0;
    while (arguments[count]) {
        count++;
    }
    uint32_t texts[16], vector = put(list, 0, 8u * (uint32_t)(count + 1));
    for (int i = 0; i < count; i++) {
        texts[i] = put_text(list, arguments[i]);
        list->relocations[list->header.relocations++] = (struct relocation){vector + 8u * (uint32_t)i, texts[i]};
    }
    add(list, SYS_execve, OFFSET(0) | OFFSET(1), texts[0], vector, 0, 0, 0);
}

/* A stub to be tested. */
struct stub {
    pid_t pid;
    int listening;
    struct sockaddr_un address;
    socklen_t address_length;
    struct client *first;
};

static const char *program;
static int as_first_process;

/* What the next stub gets besides: descriptors of its messages and of the watch of its memory; -1: none. */
static int messages_of_next = -1, memory_of_next[2] = {-1, -1};

/* Whether it gets its listening socket at once; else that is kept here, open. */
static int door_of_next = 1;

/* The stub of a machine: all it has is a channel, descriptor 0. */
static int machine_is_next;

static struct stub start_stub(int attached, int with_first) {
    struct stub stub = {0};
    int pair[2] = {-1, -1};
    stub.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stub.address.sun_family = AF_UNIX;
    CHECK(bind(stub.listening, (struct sockaddr *)&stub.address, sizeof(sa_family_t)) == 0); /* an abstract name by the kernel */
    stub.address_length = sizeof stub.address;
    CHECK(getsockname(stub.listening, (struct sockaddr *)&stub.address, &stub.address_length) == 0);
    CHECK(listen(stub.listening, 128) == 0);
    int zero = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (with_first) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        close(zero);
        zero = pair[1];
    }
    stub.pid = (pid_t)syscall(SYS_clone, (as_first_process ? CLONE_NEWPID : 0) | SIGCHLD, 0, 0, 0, 0);
    CHECK(stub.pid >= 0);
    if (stub.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(zero, 0);
        dup2(door_of_next ? stub.listening : open("/dev/null", O_RDWR), 1);
        if (messages_of_next >= 0) {
            dup2(messages_of_next, 2);
        }
        close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        if (memory_of_next[0] >= 0) { /* by way of numbers that neither of them has */
            dup2(memory_of_next[0], 900);
            dup2(memory_of_next[1], 901);
            dup2(900, 3);
            dup2(901, 4);
            close_range(5, ~0u, CLOSE_RANGE_CLOEXEC);
        }
        execl(program, "stub", machine_is_next ? "machine" : attached ? "attached" : "detached", memory_of_next[0] >= 0 ? "memory" : (char *)0, (char *)0);
        _exit(111);
    }
    close(zero);
    if (door_of_next) {
        close(stub.listening);
    }
    stub.first = with_first ? client_on(pair[0]) : 0;
    return stub;
}

static struct client *connect_to(struct stub *stub) {
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(descriptor, (struct sockaddr *)&stub->address, stub->address_length) != 0) {
        int status = 0;
        usleep(100000);
        pid_t pid = waitpid(stub->pid, &status, WNOHANG);
        FAIL("cannot connect, errno %d; stub %s, status %x", errno, pid == 0 ? "lives" : "has ended", (unsigned)status);
    }
    return client_on(descriptor);
}

static int wait_for_end(struct stub *stub) {
    int status = 0;
    for (int i = 0; i < 8000; i++) {
        pid_t pid = waitpid(stub->pid, &status, WNOHANG);
        if (pid == stub->pid) {
            return status;
        }
        usleep(1000);
    }
    FAIL("the stub did not end");
}

static void stop_stub(struct stub *stub) {
    int status;
    CHECK(waitpid(stub->pid, &status, WNOHANG) == 0);
    kill(stub->pid, SIGKILL);
    waitpid(stub->pid, &status, 0);
    if (stub->first) {
        hang_up(stub->first);
    }
}

static void ping(struct client *client) {
    int before = client->pongs;
    send_plain(client, 77, PING, 0, "ping", 4);
    AWAIT(client, client->pongs == before + 1);
}

enum { ZEROS = 8 + FRAME_SIZE + 4 };

static u64 next_nonce = 0x1111222233334444;

/* What a host sends first: as many zeros as complete whatever broke off, then HELLO. */
static void greet_as(struct client *client, u8 flags) {
    static u8 zeros[ZEROS];
    struct greeting greeting = {GREETING, next_nonce};
    next_nonce += 0x100000001;
    client->mark = 0;
    client->hellos = 0;
    send_bytes(client, zeros, sizeof zeros, 0, 0);
    send_plain(client, ~0u, HELLO, flags, &greeting, sizeof greeting);
    AWAIT(client, client->hellos > 0 && memcmp(client->hello, &greeting, sizeof greeting) == 0);
    client->mark = (u32)greeting.nonce;
}

static void greet(struct client *client) {
    greet_as(client, 0);
}

static struct stub start_machine(void) {
    machine_is_next = 1;
    struct stub stub = start_stub(0, 1);
    machine_is_next = 0;
    return stub;
}
