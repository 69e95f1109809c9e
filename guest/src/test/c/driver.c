/* Tests the stub as its contract describes it: driver PROGRAM [ordinary | first [basic]]: as the first process of a pid
 * namespace; only what an emulator without children on shared memory can do. */
#include "client.h"
#include <sys/resource.h>

static const char *const TRUE[] = {"/bin/true", 0};
#define SHELL(script) ((const char *const[]){"/bin/sh", "-c", script, 0})

static int has_zombies(pid_t parent) {
    char command[200];
    snprintf(command, sizeof command, "ps -o stat= --ppid %d | grep -q Z", parent);
    return system(command) == 0;
}

static int descriptors_of(pid_t pid) {
    char command[100];
    int count = -1;
    snprintf(command, sizeof command, "ls /proc/%d/fd | wc -l", pid);
    FILE *pipe = popen(command, "r");
    CHECK(fscanf(pipe, "%d", &count) == 1);
    pclose(pipe);
    return count;
}

/* It closes what it has sent a moment after we have it. */
static void await_descriptors(pid_t pid, int count) {
    for (int i = 0; descriptors_of(pid) != count; i++) {
        if (i == 100) {
            FAIL("%d descriptors instead of %d", descriptors_of(pid), count);
        }
        usleep(10000);
    }
}

static void pair_of_pipe(int *ends) {
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
}

/* A kept execution with three pipes; the record may be -1. */
struct started {
    int input, output, error;
};

static struct list *kept(uint32_t number, const char *const *arguments, int record, uint32_t ring) {
    struct list *list = new_list(EXECUTION);
    int input[2], output[2], error[2];
    pair_of_pipe(input);
    pair_of_pipe(output);
    pair_of_pipe(error);
    add_execve(list, (int[]){input[0], output[1], error[1]}, arguments);
    list->header.execution = number;
    list->header.ours[0] = pass(list, input[1]);
    list->header.ours[1] = pass(list, output[0]);
    list->header.ours[2] = pass(list, error[0]);
    if (record >= 0) {
        list->header.record = pass(list, record);
        list->header.ring = ring;
    }
    return list;
}

/* Sends it and closes what was passed, but for the record. */
static void run_kept(struct client *client, uint32_t request, struct list *list) {
    int copies[40], count = list->header.descriptors, record = list->header.record;
    memcpy(copies, list->descriptors, sizeof copies);
    run(client, request, list);
    for (int i = 0; i < count; i++) {
        if (i != record) {
            close(copies[i]);
        }
    }
}

static int new_record(void) {
    int record = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(ftruncate(record, 3 * 4096) == 0);
    CHECK(pwrite(record, "CayEXEC1", 8, 0) == 8);
    return record;
}

static uint64_t record_u64(int record, int at) {
    uint64_t value = 0;
    CHECK(pread(record, &value, 8, at) == 8);
    return value;
}

static uint32_t record_u32(int record, int at) {
    uint32_t value = 0;
    CHECK(pread(record, &value, 4, at) == 4);
    return value;
}

static void give_credit(struct client *client, uint32_t number, uint32_t output, uint32_t error) {
    send_words(client, number, CREDIT, OUTPUT, 1, output, 0);
    send_words(client, number, CREDIT, ERROR, 1, error, 0);
}

static void test_greeting(struct stub *stub) {
    struct client *client = stub->first;
    ping(client); /* HELLO may be left out */
    send_plain(client, 5, HELLO, 0, "CaySTUB1nonce678", 16);
    AWAIT(client, client->hellos == 1);
    CHECK(memcmp(client->hello, "CaySTUB1nonce678", 16) == 0);
    uint32_t words[4];
    memcpy(words, client->hello + 16, 16);
    CHECK(words[0] == 1 && (words[1] == 62 || words[1] == 183) && words[3] == 0);
    CHECK(words[2] == (as_first_process ? 1u : (uint32_t)stub->pid));
    CHECK(client->hello_length > 34 && client->hello[32] >= '2' && client->hello[32] <= '9');
    uint8_t big[64] = {1};
    send_plain(client, 5, PING, 0, big, 64);
    AWAIT(client, client->pongs == 2);
}

static void test_inline(struct stub *stub) {
    struct client *client = stub->first;
    struct list *list = new_list(INLINE);
    add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1 && client->seen[1].error == 0 && client->seen[1].result_length == 16);
    CHECK(result_of(client, 1, 0) == (as_first_process ? 1 : stub->pid));
    list = new_list(INLINE); /* none */
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1 && client->seen[1].result_length == 8);
    list = new_list(INLINE); /* offsets, reply, room */
    list->header.reply = put(list, 0, 0);
    list->header.room = 4096;
    list->header.reply_length = 390;
    add(list, SYS_uname, OFFSET(0), 0, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1 && memcmp(client->seen[1].result + 16, "Linux", 6) == 0);
    list = new_list(INLINE); /* pipe2 makes values that later operations use; tolerated errors; repeat */
    uint32_t ends = put(list, 0, 8), text = put(list, "abcdefgh", 8), value = put(list, 0, 8);
    add(list, SYS_pipe2, OFFSET(0), ends, O_CLOEXEC, 0, 0, 0);
    add(list, SYS_close, 0, 9999, 0, 0, 0, 0)->tolerated[3] = EBADF;
    add(list, SYS_fcntl, OFFSET(0) | VALUE(0), value, F_GETFD, 0, 0, 0);
    add(list, SYS_close, 0, 9999, 0, 0, 0, 0);
    add(list, SYS_getpid, 0, text, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == 3 && client->seen[1].error == EBADF && client->seen[1].result_length == 8 + 5 * 8);
    CHECK(result_of(client, 1, 1) == -EBADF && result_of(client, 1, 2) == FD_CLOEXEC && result_of(client, 1, 4) == 0);
}

/* The numbers of system calls are aarch64's. */
static void test_emulated(struct stub *stub) {
    struct client *client = stub->first;
    struct list *list = new_list(INLINE);
    list->header.reply = put(list, 0, 0);
    list->header.room = 4096;
    list->header.reply_length = 390;
    add(list, 172, 0, 0, 0, 0, 0, 0);
    add(list, 160, OFFSET(0), 0, 0, 0, 0, 0);
    add(list, 57, 0, 9999, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->hello[20] == 183 && client->seen[1].failed == 2 && client->seen[1].error == EBADF);
    CHECK(result_of(client, 1, 0) == stub->pid && memcmp(client->seen[1].result + 32, "Linux", 6) == 0);
}

static void test_descriptors(struct stub *stub) {
    struct client *client = stub->first;
    int before = descriptors_of(stub->pid), source = memfd_create("source", MFD_CLOEXEC), target = memfd_create("target", MFD_CLOEXEC);
    for (int i = 0; i < 300; i++) {
        char text[1000];
        memset(text, 'a' + i % 26, sizeof text);
        CHECK(write(source, text, sizeof text) == sizeof text);
    }
    lseek(source, 0, SEEK_SET);
    for (int mode = INLINE; mode <= CHILD; mode++) {
        struct list *list = new_list(mode); /* sendfile is repeated until the end */
        CHECK(ftruncate(target, 0) == 0);
        lseek(source, 0, SEEK_SET);
        lseek(target, 0, SEEK_SET);
        add(list, SYS_sendfile, INDEX(0) | INDEX(1) | REPEATED, (uint64_t)pass(list, target), (uint64_t)pass(list, source), 0, 4096, 0);
        add(list, SYS_dup, INDEX(0) | SENT, 0, 0, 0, 0, 0);
        add(list, SYS_memfd_create, OFFSET(0) | SENT, put_text(list, "made"), MFD_CLOEXEC, 0, 0, 0);
        run_and_wait(client, 1, list);
        CHECK(client->seen[1].failed == -1 && client->descriptor_count == 2);
        struct stat status;
        CHECK(fstat(client->descriptors[0], &status) == 0 && status.st_size == 300000);
        CHECK(fstat(client->descriptors[1], &status) == 0 && status.st_size == 0);
        close(last_descriptor(client));
        close(last_descriptor(client));
        list = new_list(mode); /* one that is to be sent before a failure */
        add(list, SYS_dup, INDEX(0) | SENT, (uint64_t)pass(list, target), 0, 0, 0, 0);
        add(list, SYS_close, 0, 9999, 0, 0, 0, 0);
        run_and_wait(client, 1, list);
        CHECK(client->seen[1].failed == 1 && client->descriptor_count == 1);
        close(last_descriptor(client));
    }
    await_descriptors(stub->pid, before);
    close(source);
    close(target);
}

static void test_children(struct stub *stub) {
    struct client *client = stub->first;
    struct list *list = new_list(CHILD);
    struct timespec some_time = {0, 400000000};
    add(list, SYS_nanosleep, OFFSET(0), put(list, &some_time, 16), 0, 0, 0, 0);
    run(client, 1, list);
    list = new_list(CHILD);
    add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
    add(list, SYS_getppid, 0, 0, 0, 0, 0, 0);
    run_and_wait(client, 2, list);
    CHECK(client->seen[2].failed == -1 && result_of(client, 2, 1) == (as_first_process ? 1 : stub->pid));
    list = new_list(CHILD);
    add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
    add(list, SYS_chdir, OFFSET(0), put_text(list, "/none"), 0, 0, 0, 0);
    run_and_wait(client, 2, list);
    CHECK(client->seen[2].failed == 1 && client->seen[2].error == ENOENT);
    if (geteuid() == 0) { /* a namespace of its own */
        list = new_list(CHILD);
        list->header.clone_flags = CLONE_NEWUTS;
        add(list, SYS_sethostname, OFFSET(0), put_text(list, "other"), 5, 0, 0, 0);
        run_and_wait(client, 2, list);
        char name[65];
        CHECK(client->seen[2].failed == -1 && gethostname(name, sizeof name) == 0 && strcmp(name, "other") != 0);
    }
    list = new_list(CHILD); /* cancelled */
    struct timespec long_time = {100, 0};
    add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
    add(list, SYS_nanosleep, OFFSET(0), put(list, &long_time, 16), 0, 0, 0, 0);
    run(client, 3, list);
    send_plain(client, 3, CANCEL, 0, 0, 0);
    AWAIT(client, client->seen[3].results == 1);
    CHECK(client->seen[3].error == ECANCELED && client->seen[3].failed >= 0 && client->seen[3].failed <= 1);
    list = new_list(CHILD); /* killed by itself */
    add(list, SYS_exit, 0, 0, 0, 0, 0, 0);
    run_and_wait(client, 3, list);
    CHECK(client->seen[3].failed == 0 && client->seen[3].error == EIO);
    list = new_list(CHILD); /* a list that writes over itself and crashes takes nobody along */
    add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
    add(list, SYS_clock_gettime, OFFSET(1), CLOCK_REALTIME, 80 + 160 + 8 - (80 + 240), 0, 0, 0);
    add(list, SYS_getpid, OFFSET(0) | VALUE(0), 0, 0, 0, 0, 0);
    put(list, "12345678", 8);
    run_and_wait(client, 3, list);
    CHECK(client->seen[3].failed == 2 && client->seen[3].error == EIO);
    AWAIT(client, client->seen[1].results == 1);
    CHECK(client->seen[1].failed == -1 && client->seen[2].result_order < client->seen[1].result_order);
    for (uint32_t i = 0; i < 40; i++) { /* more than run at once: 16 that sleep, the others in order, a cancelled one among them */
        list = new_list(CHILD);
        struct timespec some = {0, i < 16 ? 100000000 : 1000};
        add(list, SYS_nanosleep, OFFSET(0), put(list, &some, 16), 0, 0, 0, 0);
        run(client, 100 + i, list);
    }
    send_plain(client, 130, CANCEL, 0, 0, 0);
    for (uint32_t i = 0; i < 40; i++) {
        AWAIT(client, client->seen[100 + i].results == 1);
        CHECK(i == 30 ? client->seen[130].failed == -2 && client->seen[130].error == ECANCELED : client->seen[100 + i].failed == -1);
    }
    CHECK(!has_zombies(stub->pid));
}

/* A hang-up kills the child of a list, and drops those that wait. */
static void test_hang_up(struct stub *stub) {
    struct client *client = connect_to(stub);
    int ends[2];
    pair_of_pipe(ends);
    for (int i = 0; i < 20; i++) {
        struct timespec long_time = {100, 0};
        struct list *list = new_list(CHILD);
        add(list, SYS_nanosleep, OFFSET(0), put(list, &long_time, 16), 0, 0, 0, 0);
        pass(list, ends[1]);
        run(client, (uint32_t)i, list);
    }
    close(ends[1]);
    ping(client);
    struct pollfd wanted = {ends[0], POLLIN, 0};
    CHECK(poll(&wanted, 1, 50) == 0);
    hang_up(client);
    CHECK(poll(&wanted, 1, 5000) == 1 && (wanted.revents & POLLHUP));
    close(ends[0]);
    int held_back[2]; /* an execution that does not get to its execve has copies of all; the ends of others are seen nevertheless */
    pair_of_pipe(held_back);
    client = connect_to(stub);
    ping(client);
    struct list *list = new_list(EXECUTION);
    add(list, SYS_read, INDEX(0) | OFFSET(1), (uint64_t)pass(list, held_back[0]), put(list, 0, 8), 1, 0, 0);
    add_execve(list, 0, TRUE);
    run(stub->first, 1, list);
    ping(stub->first);
    send_plain(client, 1, 200, 0, 0, 0);
    AWAIT_END(client);
    hang_up(client);
    for (int i = 0; i < 10; i++) {
        list = new_list(EXECUTION);
        add_execve(list, 0, TRUE);
        run_and_wait(stub->first, 2, list);
        CHECK(stub->first->seen[2].failed == -1);
        close(last_descriptor(stub->first));
    }
    CHECK(stub->first->seen[1].results == 0);
    CHECK(write(held_back[1], "x", 1) == 1);
    AWAIT(stub->first, stub->first->seen[1].results == 1);
    CHECK(stub->first->seen[1].failed == -1);
    stub->first->seen[1].result_length = 0;
    close(last_descriptor(stub->first));
    close(held_back[0]);
    close(held_back[1]);
    for (int cut = 1; cut < 400; cut += 7) { /* in the middle of a frame, of a list */
        client = connect_to(stub);
        list = new_list(INLINE);
        add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
        add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
        bytes_of(list);
        pair_of_pipe(ends);
        uint8_t all[512];
        struct frame frame = {3, RUN, cut % 2, (uint16_t)list->header.total};
        memcpy(all, &frame, 8);
        memcpy(all + 8, list->bytes, list->header.total);
        int length = (int)list->header.total + 8;
        send_bytes(client, all, (size_t)(cut < length ? cut : length), ends, 2);
        free(list->bytes);
        free(list);
        hang_up(client);
        close(ends[1]);
        wanted = (struct pollfd){ends[0], POLLIN, 0};
        CHECK(poll(&wanted, 1, 5000) == 1);
        close(ends[0]);
    }
    ping(stub->first);
}

typedef void change(struct list *list);
static void refused(struct stub *stub, const char *what, change *before, change *after, enum mode mode) {
    struct client *client = stub->first;
    struct list *list = new_list(mode);
    uint32_t data = put(list, "datadata", 8);
    add(list, SYS_clock_gettime, OFFSET(1), CLOCK_MONOTONIC, data, 0, 0, 0);
    list->relocations[list->header.relocations++] = (struct relocation){data, data};
    if (before) {
        before(list);
    }
    bytes_of(list);
    if (after) {
        after(list);
    }
    client->seen[9].results = 0;
    client->seen[9].result_length = 0;
    send_fragments(client, 9, list->bytes, list->header.total, FRAME_SIZE, list->descriptors, list->header.descriptors);
    AWAIT(client, client->seen[9].results == 1);
    if (client->seen[9].failed != -2 || client->seen[9].result_length != 8 || client->seen[9].error != EINVAL) {
        FAIL("%s: index %d, errno %d", what, client->seen[9].failed, client->seen[9].error);
    }
    free(list->bytes);
    free(list);
}

#define HEADER_FIELD(name, type, at, value) \
    static void name(struct list *list) { \
        type v = (type)(value); \
        memcpy(list->bytes + (at), &v, sizeof v); \
    }
HEADER_FIELD(total_more, uint32_t, 0, 80 + 80 + 8 + 8 + 1)
HEADER_FIELD(total_less, uint32_t, 0, 80 + 80 + 8 + 8 - 1)
HEADER_FIELD(total_small, uint32_t, 0, 80)
HEADER_FIELD(total_none, uint32_t, 0, 0)
HEADER_FIELD(total_large, uint32_t, 0, (8 << 20) + 1)
HEADER_FIELD(total_huge, uint32_t, 0, -1)
HEADER_FIELD(room_large, uint32_t, 4, (8 << 20) + 1)
HEADER_FIELD(operations_many, uint16_t, 8, 3)
HEADER_FIELD(operations_most, uint16_t, 8, -1)
HEADER_FIELD(relocations_many, uint16_t, 10, 3)
HEADER_FIELD(relocations_most, uint16_t, 10, -1)
HEADER_FIELD(mode_unknown, uint16_t, 14, 3)
HEADER_FIELD(clone_vfork, uint64_t, 16, CLONE_VFORK)
HEADER_FIELD(clone_namespace, uint64_t, 16, CLONE_NEWUTS)
HEADER_FIELD(cgroup_index, int32_t, 24, 0)
HEADER_FIELD(cgroup_negative, int32_t, 24, -2)
HEADER_FIELD(reply_outside, uint32_t, 28, 1 << 30)
HEADER_FIELD(reply_long, uint32_t, 32, 80 + 80 + 8 + 8 + 1)
HEADER_FIELD(reply_wraps, uint32_t, 32, -1)
HEADER_FIELD(execution_set, uint32_t, 36, 5)
HEADER_FIELD(record_index, int32_t, 40, 0)
HEADER_FIELD(kill_index, int32_t, 44, 0)
HEADER_FIELD(timeout_set, uint32_t, 48, 1)
HEADER_FIELD(input_index, int32_t, 56, 0)
HEADER_FIELD(error_index, int32_t, 64, -3)
HEADER_FIELD(ring_odd, uint32_t, 68, 100)
HEADER_FIELD(ring_without_record, uint32_t, 68, 4096)
HEADER_FIELD(zero_set, uint64_t, 72, 1)
HEADER_FIELD(mask_unknown, uint64_t, 80 + 56, 1ull << 26)
HEADER_FIELD(mask_seventh, uint64_t, 80 + 56, 1ull << 6)
HEADER_FIELD(mask_value_raw, uint64_t, 80 + 56, 1)
HEADER_FIELD(mask_descriptor, uint64_t, 80 + 56, 1ull << 16)
HEADER_FIELD(mask_sent, uint64_t, 80 + 56, 1ull << 25)
HEADER_FIELD(offset_outside, uint64_t, 80 + 16, 80 + 80 + 8 + 8 + 1)
HEADER_FIELD(offset_huge, uint64_t, 80 + 16, -1)
HEADER_FIELD(relocation_at_header, uint32_t, 160, 79)
HEADER_FIELD(relocation_at_end, uint32_t, 160, 169)
HEADER_FIELD(relocation_to, uint32_t, 164, 177)

static void value_at_end(struct list *list) {
    uint64_t mask = OFFSET(1) | VALUE(1), offset = 169;
    memcpy(list->bytes + 136, &mask, 8);
    memcpy(list->bytes + 96, &offset, 8);
}

static void sent_many(struct list *list) {
    for (int i = 0; i < 33; i++) {
        add(list, SYS_getpid, SENT, 0, 0, 0, 0, 0);
    }
}

static void stream_without_number(struct list *list) {
    list->header.ours[1] = pass(list, 2);
}

static void test_refused(struct stub *stub) {
#define REFUSED(mode, after) refused(stub, #after, 0, after, mode)
    for (int mode = INLINE; mode <= EXECUTION; mode++) {
        REFUSED(mode, total_more), REFUSED(mode, total_less), REFUSED(mode, total_small), REFUSED(mode, total_none);
        REFUSED(mode, total_large), REFUSED(mode, total_huge), REFUSED(mode, room_large), REFUSED(mode, operations_many);
        REFUSED(mode, operations_most), REFUSED(mode, relocations_many), REFUSED(mode, relocations_most);
        REFUSED(mode, mode_unknown), REFUSED(mode, clone_vfork), REFUSED(mode, cgroup_index), REFUSED(mode, cgroup_negative);
        REFUSED(mode, reply_outside), REFUSED(mode, reply_long), REFUSED(mode, reply_wraps), REFUSED(mode, record_index);
        REFUSED(mode, kill_index), REFUSED(mode, input_index), REFUSED(mode, error_index), REFUSED(mode, ring_odd);
        REFUSED(mode, ring_without_record), REFUSED(mode, zero_set), REFUSED(mode, mask_unknown), REFUSED(mode, mask_seventh);
        REFUSED(mode, mask_value_raw), REFUSED(mode, mask_descriptor), REFUSED(mode, offset_outside);
        REFUSED(mode, offset_huge), REFUSED(mode, relocation_at_header), REFUSED(mode, relocation_at_end);
        REFUSED(mode, relocation_to), REFUSED(mode, value_at_end);
        refused(stub, "sent_many", sent_many, 0, mode);
    }
    REFUSED(INLINE, clone_namespace), REFUSED(INLINE, execution_set), REFUSED(CHILD, execution_set);
    REFUSED(INLINE, timeout_set), REFUSED(CHILD, timeout_set), REFUSED(EXECUTION, mask_sent);
    refused(stub, "stream_without_number", stream_without_number, 0, EXECUTION);
    struct client *client = stub->first; /* in small fragments; and as large as may be */
    for (uint32_t size = 1; size < 200; size += 13) {
        struct list *list = new_list(INLINE);
        add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
        bytes_of(list);
        client->seen[8].results = 0, client->seen[8].result_length = 0;
        send_fragments(client, 8, list->bytes, list->header.total, size, 0, 0);
        AWAIT(client, client->seen[8].results == 1);
        CHECK(client->seen[8].failed == -1);
        free(list->bytes);
        free(list);
    }
    uint32_t most = 8 << 20;
    uint8_t *bytes = calloc(1, most);
    struct list *list = new_list(CHILD);
    list->header.total = list->header.room = most;
    list->header.reply = 80;
    list->header.reply_length = 2 * most - 80;
    memcpy(bytes, &list->header, 80);
    bytes[most - 1] = 7;
    client->seen[8].results = 0, client->seen[8].result_length = 0;
    send_fragments(client, 8, bytes, most, FRAME_SIZE, 0, 0);
    AWAIT(client, client->seen[8].results == 1);
    CHECK(client->seen[8].failed == -1 && client->seen[8].result_length == 8 + 2 * most - 80);
    CHECK(client->seen[8].result[8 + most - 80 - 1] == 7 && client->seen[8].result[8 + most - 80] == 0);
    free(bytes);
    free(list);
}

static void ended_by(struct stub *stub, uint32_t stream, uint8_t kind, uint8_t flags, const void *payload, uint16_t length) {
    struct client *client = connect_to(stub);
    send_plain(client, stream, kind, flags, payload, length);
    AWAIT_END(client);
    CHECK(client->order == 0 || kind == ATTACH || kind == RUN);
    hang_up(client);
}

static void test_rules(struct stub *stub) {
    static uint8_t zeros[65536];
    for (int kind = 0; kind < 256; kind++) {
        if (kind == 0 || kind > CANCEL || kind == PONG || kind == RESULT || kind == EXIT || kind == ATTACHED) {
            ended_by(stub, 1, (uint8_t)kind, 0, zeros, 8);
        }
    }
    ended_by(stub, 1, HELLO, 0, zeros, 16);
    ended_by(stub, 1, HELLO, 0, "CaySTUB1", 8);
    ended_by(stub, 1, HELLO, 1, "CaySTUB1nonce678", 16);
    ended_by(stub, 1, PING, 0, zeros, 65);
    ended_by(stub, 1, PING, 0, zeros, 32769);
    ended_by(stub, 1, DATA, 1, zeros, 1);
    ended_by(stub, 1, CREDIT, 0, zeros, 4);
    ended_by(stub, 1, CREDIT, 1, zeros, 3);
    ended_by(stub, 1, END, 3, zeros, 4);
    ended_by(stub, 1, END, 0, zeros, 5);
    ended_by(stub, 1, DETACH, 0, zeros, 1);
    ended_by(stub, 1, RESIZE, 0, zeros, 2);
    ended_by(stub, 1, SIGNAL, 0, zeros, 4);
    ended_by(stub, 1, SIGNAL, 0, "\x0f\0\0\0\2\0\0", 8);
    ended_by(stub, 1, LIFETIME, 0, zeros, 24);
    ended_by(stub, 0, LIFETIME, 0, zeros, 16);
    ended_by(stub, 0, LIFETIME, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0", 24);
    ended_by(stub, 0, CONNECT, 0, zeros, 0);
    ended_by(stub, 0, LISTEN, 0, zeros, 0);
    ended_by(stub, 1, CANCEL, 0, zeros, 1);
    ended_by(stub, 1, RUN, 2, zeros, 80);
    ended_by(stub, 1, ATTACH, 0, zeros, 1);
    struct client *client = connect_to(stub); /* a fragment of another list in between */
    send_plain(client, 1, RUN, MORE, zeros, 80);
    send_plain(client, 2, RUN, MORE, zeros, 80);
    AWAIT_END(client);
    hang_up(client);
    int ends[2], many[60]; /* descriptors that no list takes, that are missing, that are too many at once or in the queue */
    pair_of_pipe(ends);
    for (int i = 0; i < 60; i++) {
        many[i] = ends[1];
    }
    for (int how = 0; how < 4; how++) {
        client = connect_to(stub);
        if (how == 0) {
            send_frame_with(client, 1, PING, 0, 0, 0, many, 1);
        } else if (how == 1) {
            struct list *list = new_list(INLINE);
            list->header.descriptors = 3;
            list->header.total = 80;
            send_frame_with(client, 1, RUN, 0, &list->header, 80, many, 2);
            free(list);
        } else if (how == 2) {
            send_frame_with(client, 1, RUN, MORE, zeros, 80, many, 33);
        } else {
            for (int i = 0; i < 3; i++) {
                send_frame_with(client, 1, RUN, MORE, zeros, 80, many, 30);
            }
        }
        AWAIT_END(client);
        hang_up(client);
    }
    close(ends[1]);
    struct pollfd wanted = {ends[0], POLLIN, 0};
    CHECK(poll(&wanted, 1, 5000) == 1 && (wanted.revents & POLLHUP));
    close(ends[0]);
    ping(stub->first);
}

static void test_execve(struct stub *stub) {
    struct client *client = stub->first;
    int before = descriptors_of(stub->pid);
    struct list *list = new_list(EXECUTION); /* not kept: RESULT with a pidfd is all */
    add_execve(list, 0, SHELL("exit 3"));
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1 && client->descriptor_count == 1);
    int pidfd = last_descriptor(client);
    struct pollfd wanted = {pidfd, POLLIN, 0};
    CHECK(poll(&wanted, 1, 5000) == 1);
    close(pidfd);
    list = new_list(EXECUTION);
    add_execve(list, 0, (const char *const[]){"/none", 0});
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == 2 && client->seen[1].error == ENOENT && client->descriptor_count == 0);
    list = new_list(EXECUTION);
    add(list, SYS_getpid, 0, 0, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == 1 && client->seen[1].error == ENOSYS);
    list = new_list(EXECUTION);
    add(list, SYS_exit, 0, 5, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == 0 && client->seen[1].error == EIO);
    list = new_list(EXECUTION); /* a list that closes the pipe by which its end is known is killed */
    struct timespec long_time = {100, 0};
    uint32_t at = put(list, &long_time, 16);
    add(list, SYS_close_range, 0, 3, ~0u, 0, 0, 0);
    add(list, SYS_nanosleep, OFFSET(0), at, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].error == EIO && (client->seen[1].failed == 1 || client->seen[1].failed == 0)); /* 0: before it sleeps */
    for (int i = 0; i < 50; i++) { /* it may be gone before we hear of the execve */
        list = new_list(EXECUTION);
        list->header.execution = 7;
        add_execve(list, 0, i % 2 ? TRUE : SHELL("kill -9 $$"));
        client->seen[7].exits = 0;
        run(client, 1, list);
        AWAIT(client, client->seen[7].exits == 1);
        CHECK(client->seen[1].results == 1 && client->seen[1].failed == -1);
        CHECK(client->seen[1].result_order < client->seen[7].exit_order);
        CHECK(client->seen[7].code == (i % 2 ? CLD_EXITED : CLD_KILLED) && client->seen[7].status == (i % 2 ? 0 : 9));
        CHECK(client->seen[7].usage[4] > 100 && client->seen[7].usage[8] > 10); /* the most memory in KiB, minor faults */
        close(last_descriptor(client));
    }
    for (int i = 0; i < 4; i++) { /* orphans */
        list = new_list(EXECUTION);
        list->header.execution = 7;
        add_execve(list, 0, SHELL("for i in 1 2 3 4 5 6 7 8; do (sleep 0.0$i &) ; done; exit 42"));
        client->seen[7].exits = 0;
        run(client, 1, list);
        AWAIT(client, client->seen[7].exits == 1);
        CHECK(client->seen[7].status == 42);
        close(last_descriptor(client));
    }
    for (int i = 0; has_zombies(stub->pid); i++) {
        CHECK(i < 100);
        usleep(10000);
    }
    await_descriptors(stub->pid, before);
}

static void test_streams(struct stub *stub) {
    struct client *client = stub->first;
    run_kept(client, 1, kept(11, SHELL("cat; echo problem >&2; exit 5"), -1, 0));
    give_credit(client, 11, 1 << 20, 1 << 20); /* before the RESULT */
    AWAIT(client, client->seen[1].results == 1 && client->seen[11].credit == WINDOW);
    static uint8_t bytes[30000];
    memset(bytes, 'x', sizeof bytes);
    uint64_t sent = 0;
    while (sent < 600000) {
        while (client->seen[11].credit < sizeof bytes) {
            CHECK(take(client, 5000));
        }
        client->seen[11].credit -= sizeof bytes;
        send_plain(client, 11, DATA, INPUT, bytes, sizeof bytes);
        sent += sizeof bytes;
    }
    send_words(client, 11, END, INPUT, 1, 0, 0);
    AWAIT(client, client->seen[11].exits == 1 && client->seen[11].ends[OUTPUT] && client->seen[11].ends[ERROR]);
    CHECK(client->seen[11].data[OUTPUT] == 600000 && client->seen[11].data[ERROR] == 8);
    CHECK(memcmp(client->seen[11].output[ERROR], "problem\n", 8) == 0 && client->seen[11].status == 5);
    CHECK(client->seen[1].result_order < client->seen[11].first_data_order && client->seen[11].ends[INPUT] == 0);
    close(last_descriptor(client));
    send_plain(client, 11, ATTACH, 0, 0, 0); /* it is forgotten */
    AWAIT(client, client->seen[11].lost == 1 && client->seen[11].lost_error == ESRCH);
    run_kept(client, 1, kept(12, SHELL("exec <&-; sleep 0.2"), -1, 0)); /* input that nobody reads */
    AWAIT(client, client->seen[12].credit == WINDOW);
    usleep(50000);
    for (int i = 0; i < 2; i++) {
        send_plain(client, 12, DATA, INPUT, "late", 4);
    }
    AWAIT(client, client->seen[12].ends[INPUT] == 1 && client->seen[12].end_errors[INPUT] == EPIPE);
    give_credit(client, 12, 1, 1);
    AWAIT(client, client->seen[12].exits == 1 && client->seen[12].ends[OUTPUT] == 1);
    close(last_descriptor(client));
    struct client *greedy = connect_to(stub); /* beyond the credit, and what the pipe takes */
    run_kept(greedy, 1, kept(13, SHELL("sleep 0.3"), -1, 0));
    AWAIT(greedy, greedy->seen[13].credit == WINDOW);
    for (int i = 0; i < 6; i++) {
        send_plain(greedy, 13, DATA, INPUT, bytes, sizeof bytes);
    }
    AWAIT_END(greedy);
    hang_up(greedy);
    run_kept(client, 1, kept(14, (const char *const[]){"/bin/sleep", "100", 0}, -1, 0)); /* signals, and a number that is taken */
    AWAIT(client, client->seen[14].credit == WINDOW);
    close(last_descriptor(client));
    run_kept(client, 2, kept(14, TRUE, -1, 0));
    AWAIT(client, client->seen[2].results == 1);
    CHECK(client->seen[2].failed == -2 && client->seen[2].error == EEXIST);
    send_words(client, 14, SIGNAL, 0, 2, SIGINT, 1);
    AWAIT(client, client->seen[14].exits == 1);
    CHECK(client->seen[14].code == CLD_KILLED && client->seen[14].status == SIGINT);
    for (int i = 1; i <= 2; i++) { /* the end of one is enough for the next, whoever holds its streams */
        run_kept(client, 2, kept(15, SHELL("sleep 1 & exit 0"), -1, 0));
        AWAIT(client, client->seen[15].exits == i);
        CHECK(client->seen[2].failed == -1);
        close(last_descriptor(client));
    }
    send_plain(client, 14, DETACH, 0, 0, 0);
    send_plain(client, 15, DETACH, 0, 0, 0);
    ping(client);
}

/* Asks for answers that nobody reads, until nothing more is taken; how many. */
static int flood(struct client *deaf) {
    struct {
        struct frame frame;
        uint8_t payload[64];
    } question = {{1, PING, 0, 64}, {0}};
    struct pollfd room = {deaf->descriptor, POLLOUT, 0};
    int asked = 0;
    while (poll(&room, 1, 200) == 1) {
        CHECK(send(deaf->descriptor, &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof question);
        asked++;
    }
    return asked;
}

/* A stream without credit, and a connection that is not read, hold up nobody else. */
static void test_backpressure(struct stub *stub) {
    struct client *client = stub->first, *deaf = connect_to(stub);
    run_kept(client, 1, kept(21, SHELL("exec head -c 3000000 /dev/zero"), -1, 0));
    AWAIT(client, client->seen[1].results == 1);
    close(last_descriptor(client));
    run_kept(deaf, 1, kept(22, SHELL("exec head -c 3000000 /dev/zero"), -1, 0));
    give_credit(deaf, 22, 1 << 30, 1 << 30);
    int asked = flood(deaf);
    uint64_t begin = now_ns();
    run_kept(client, 2, kept(23, SHELL("exec head -c 3000000 /dev/zero"), -1, 0));
    give_credit(client, 23, 1 << 30, 1 << 30);
    ping(client);
    AWAIT(client, client->seen[23].exits && client->seen[23].ends[OUTPUT]);
    CHECK(client->seen[23].data[OUTPUT] == 3000000 && client->seen[21].data[OUTPUT] == 0);
    close(last_descriptor(client));
    CHECK(now_ns() - begin < 5000000000u);
    uint64_t credit = 0; /* little by little, no byte more than allowed */
    for (uint32_t i = 1; i < 50000; i = i * 3 + 1) {
        send_words(client, 21, CREDIT, OUTPUT, 1, i, 0);
        credit += i;
        AWAIT(client, client->seen[21].data[OUTPUT] >= credit);
        ping(client);
        CHECK(client->seen[21].data[OUTPUT] == credit);
    }
    send_words(client, 21, CREDIT, OUTPUT, 1, 1 << 30, 0);
    AWAIT(client, client->seen[21].data[OUTPUT] == 3000000 && client->seen[21].exits && client->seen[21].ends[OUTPUT]);
    AWAIT(deaf, deaf->seen[22].exits && deaf->seen[22].ends[OUTPUT]);
    CHECK(deaf->seen[22].data[OUTPUT] == 3000000 && deaf->pongs == asked && asked > 100);
    give_credit(client, 21, 1, 1);
    hang_up(deaf);
}

/* It ends while its connection is not read: its last output, the end of its streams and its EXIT are all told later. */
static void test_end_while_stalled(struct stub *stub) {
    struct client *deaf = connect_to(stub);
    run_kept(deaf, 1, kept(24, SHELL("sleep 0.3; echo last"), -1, 0));
    give_credit(deaf, 24, 1 << 30, 1 << 30);
    AWAIT(deaf, deaf->seen[1].results == 1);
    int process = last_descriptor(deaf);
    flood(deaf);
    struct pollfd over = {process, POLLIN, 0};
    CHECK(poll(&over, 1, 8000) == 1);
    close(process);
    ping(stub->first); /* it has been reaped by now */
    ping(stub->first);
    AWAIT(deaf, deaf->seen[24].exits && deaf->seen[24].ends[OUTPUT] && deaf->seen[24].ends[ERROR]);
    CHECK(deaf->seen[24].data[OUTPUT] == 5);
    hang_up(deaf);
}

static void test_record(struct stub *stub) {
    struct client *client = connect_to(stub);
    int record = new_record();
    const char *script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo bad >&2; read x; echo got $x; exit 9";
    run_kept(client, 1, kept(31, SHELL(script), record, 4096));
    AWAIT(client, client->seen[1].results == 1);
    uint32_t pid = record_u32(record, 12);
    CHECK(record_u32(record, 8) == 1 && pid > 1 && record_u64(record, 24) > 1000000000ull * 1000000000ull);
    hang_up(client); /* nobody is attached: it goes on, into the ring */
    uint64_t total = 0;
    for (int i = 0; i < 3000; i++) {
        total += (uint64_t)snprintf(0, 0, "line %d\n", i);
    }
    for (int i = 0; record_u64(record, 64) < total || record_u64(record, 72) < 4; i++) {
        CHECK(i < 5000);
        usleep(1000);
    }
    CHECK(record_u64(record, 64) == total && record_u64(record, 72) == 4);
    char ring[4096], error[4], expected[65536];
    CHECK(pread(record, ring, 4096, 4096) == 4096 && pread(record, error, 4, 8192) == 4 && memcmp(error, "bad\n", 4) == 0);
    uint64_t at = 0;
    for (int i = 0; i < 3000; i++) {
        at += (uint64_t)snprintf(expected + at, sizeof expected - at, "line %d\n", i);
    }
    for (uint64_t n = total - 4096; n < total; n++) {
        CHECK(ring[n % 4096] == expected[n]);
    }
    struct client *first = connect_to(stub), *second = connect_to(stub);
    send_plain(first, 31, ATTACH, 0, 0, 0);
    AWAIT(first, first->seen[31].attached == 1 && first->seen[31].credit == WINDOW);
    CHECK(first->seen[31].attached_bytes[0] == total && first->seen[31].attached_bytes[1] == 4 && first->seen[31].pid == (int)pid);
    send_plain(second, 31, ATTACH, 0, 0, 0); /* a take-over */
    AWAIT(second, second->seen[31].attached == 1 && second->seen[31].credit == WINDOW);
    AWAIT(first, first->seen[31].lost == 1 && first->seen[31].lost_error == EBUSY);
    send_plain(first, 31, DATA, INPUT, "from the wrong one\n", 19);
    ping(first);
    send_plain(second, 31, DATA, INPUT, "abc\n", 4);
    ping(second);
    AWAIT(second, second->seen[31].exits == 1); /* whatever its streams do */
    CHECK(second->seen[31].data[OUTPUT] == 0 && record_u64(record, 64) == total);
    give_credit(second, 31, 100, 100);
    AWAIT(second, second->seen[31].exits && second->seen[31].ends[OUTPUT] && second->seen[31].ends[ERROR]);
    CHECK(second->seen[31].data[OUTPUT] == 8 && memcmp(second->seen[31].output[OUTPUT], "got abc\n", 8) == 0);
    CHECK(first->seen[31].data[OUTPUT] == 0 && first->seen[31].exits == 0);
    CHECK(record_u32(record, 8) == 2 && record_u32(record, 16) == CLD_EXITED && record_u32(record, 20) == 9);
    struct rusage usage;
    CHECK(pread(record, &usage, sizeof usage, 80) == sizeof usage && usage.ru_maxrss > 0 && usage.ru_minflt > 0);
    CHECK(record_u64(record, 64) == total + 8 && record_u64(record, 32) >= record_u64(record, 24) && record_u32(record, 40) == 0);
    CHECK(pread(record, ring, 8, 0) == 8 && memcmp(ring, "CayEXEC1", 8) == 0);
    close(record);
    record = new_record(); /* detached by DETACH, ended while nobody is attached */
    run_kept(first, 1, kept(32, SHELL("read x; echo $x; exit 1"), record, 4096));
    AWAIT(first, first->seen[32].credit == WINDOW);
    send_plain(first, 32, DATA, INPUT, "hello\n", 6);
    send_plain(first, 32, DETACH, 0, 0, 0);
    for (int i = 0; record_u32(record, 8) != 2 || record_u64(record, 64) != 6; i++) {
        CHECK(i < 5000);
        usleep(1000);
    }
    ping(first);
    CHECK(first->seen[32].data[OUTPUT] == 0 && first->seen[32].exits == 0);
    close(record);
    record = new_record(); /* a record that does not take it loses history and nothing else */
    CHECK(fcntl(record, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    run_kept(first, 1, kept(33, SHELL("head -c 20000 /dev/zero"), record, 4096));
    give_credit(first, 33, 1 << 20, 1 << 20);
    AWAIT(first, first->seen[33].exits && first->seen[33].ends[OUTPUT]);
    CHECK(first->seen[33].data[OUTPUT] == 20000);
    close(record);
    record = new_record(); /* a list that fails */
    run_kept(first, 1, kept(34, (const char *const[]){"/none", 0}, record, 4096));
    AWAIT(first, first->seen[1].results == 1);
    CHECK(first->seen[1].failed == 5 && first->seen[1].error == ENOENT && record_u32(record, 8) == 2);
    close(record);
    hang_up(first);
    hang_up(second);
}

static void test_terminal(struct stub *stub) {
    struct client *client = stub->first;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(slave >= 0);
    struct list *list = new_list(EXECUTION);
    add_execve(list, (int[]){slave, slave, slave}, SHELL("stty size; read x; stty size; exit 4"));
    list->operations[2].number = SYS_dup3; /* the controlling terminal, between setsid and the rest */
    struct operation execve_operation = list->operations[--list->header.operations];
    add(list, SYS_ioctl, INDEX(0), 0, TIOCSCTTY, 0, 0, 0);
    list->operations[list->header.operations++] = execve_operation;
    list->header.execution = 41;
    list->header.ours[0] = list->header.ours[1] = pass(list, master);
    run(client, 1, list);
    close(master);
    close(slave);
    give_credit(client, 41, 1 << 20, 0);
    AWAIT(client, client->seen[1].results == 1);
    CHECK(client->seen[1].failed == -1);
    AWAIT(client, client->seen[41].data[OUTPUT] >= 5);
    CHECK(memcmp(client->seen[41].output[OUTPUT], "0 0\r\n", 5) == 0);
    uint16_t size[2] = {100, 30};
    send_plain(client, 41, RESIZE, 0, size, 4);
    send_plain(client, 41, DATA, INPUT, "\n", 1);
    AWAIT(client, client->seen[41].exits == 1 && client->seen[41].ends[OUTPUT] == 1);
    CHECK(client->seen[41].end_errors[OUTPUT] == 0 && client->seen[41].status == 4);
    client->seen[41].output[OUTPUT][client->seen[41].data[OUTPUT]] = 0;
    CHECK(strstr((char *)client->seen[41].output[OUTPUT], "30 100\r\n"));
    close(last_descriptor(client));
}

static void test_timeout(struct stub *stub) {
    struct client *client = stub->first;
    int ends[2], record = new_record();
    uint64_t begin = now_ns();
    struct list *list = kept(51, SHELL("exec sleep 100"), record, 4096); /* ends when it is asked */
    list->header.timeout = 100;
    list->header.grace = 60000;
    run_kept(client, 1, list);
    give_credit(client, 51, 1, 1);
    AWAIT(client, client->seen[51].exits == 1 && client->seen[51].ends[OUTPUT]);
    CHECK(client->seen[51].timed_out == 1 && client->seen[51].code == CLD_KILLED && client->seen[51].status == SIGTERM);
    CHECK(now_ns() - begin >= 100000000u && record_u32(record, 40) == 1);
    close(last_descriptor(client));
    close(record);
    pair_of_pipe(ends);
    begin = now_ns();
    list = kept(52, SHELL("trap '' TERM; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.5; done"), -1, 0); /* does not; a pipe stands for cgroup.kill */
    list->header.timeout = 50;
    list->header.grace = 150;
    list->header.cgroup_kill = pass(list, ends[1]);
    run_kept(client, 1, list);
    char byte;
    CHECK(read(ends[0], &byte, 1) == 1 && byte == '1' && now_ns() - begin >= 200000000u);
    ping(client);
    CHECK(client->seen[52].exits == 0);
    send_words(client, 52, SIGNAL, 0, 2, SIGKILL, 1);
    AWAIT(client, client->seen[52].exits == 1);
    CHECK(client->seen[52].timed_out == 1);
    close(ends[0]);
    close(last_descriptor(client));
    list = new_list(EXECUTION); /* without a cgroup, not kept: its group is killed */
    add_execve(list, 0, SHELL("trap '' TERM; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.5; done"));
    list->header.timeout = 50;
    run_and_wait(client, 1, list);
    int pidfd = last_descriptor(client);
    struct pollfd wanted = {pidfd, POLLIN, 0};
    CHECK(poll(&wanted, 1, 5000) == 1);
    close(pidfd);
    send_plain(client, 52, DETACH, 0, 0, 0);
}

/* Born in a cgroup, and killed by it. */
static void test_cgroup(struct stub *stub) {
    const char *group = "/sys/fs/cgroup/cay-stub-test";
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0) {
        group = "/sys/fs/cgroup/unified/cay-stub-test";
    }
    if ((access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0 && access("/sys/fs/cgroup/unified/cgroup.controllers", F_OK) != 0) ||
        mkdir(group, 0755) != 0) {
        fprintf(stderr, "  (no cgroup of our own: not tested)\n");
        return;
    }
    struct client *client = stub->first;
    int directory = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC), kill_file = openat(directory, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    CHECK(directory >= 0 && kill_file >= 0);
    struct list *list = kept(55, SHELL("trap '' TERM; cat /proc/self/cgroup; setsid sleep 100"), -1, 0);
    list->header.cgroup = pass(list, directory);
    list->header.cgroup_kill = pass(list, kill_file);
    list->header.timeout = 200;
    list->header.grace = 50;
    run_kept(client, 1, list);
    give_credit(client, 55, 1000, 1000);
    AWAIT(client, client->seen[55].exits == 1 && client->seen[55].ends[OUTPUT]);
    CHECK(client->seen[55].timed_out == 1 && client->seen[55].status == SIGKILL);
    CHECK(strstr((char *)client->seen[55].output[OUTPUT], "cay-stub-test"));
    close(last_descriptor(client));
    for (int i = 0; rmdir(group) != 0; i++) {
        CHECK(i < 1000);
        usleep(1000);
    }
}

static void test_many(struct stub *stub) {
    struct client *client = connect_to(stub);
    for (uint32_t i = 0; i < 200; i++) {
        char script[64];
        snprintf(script, sizeof script, "echo %u; sleep 0.2; exit %u", i, i % 100);
        run_kept(client, 1 + i, kept(200 + i, SHELL(script), -1, 0));
        give_credit(client, 200 + i, 1000, 1000);
    }
    ping(client);
    for (uint32_t i = 0; i < 200; i++) {
        AWAIT(client, client->seen[200 + i].exits == 1 && client->seen[200 + i].ends[OUTPUT] && client->seen[200 + i].ends[ERROR]);
        CHECK(client->seen[1 + i].failed == -1 && client->seen[200 + i].status == (int)(i % 100));
        CHECK((uint32_t)atoi((char *)client->seen[200 + i].output[OUTPUT]) == i);
    }
    hang_up(client);
    struct client *all[70];
    int first = stub->first != 0, alive = 0;
    for (int i = 0; i < 70; i++) {
        all[i] = connect_to(stub);
        send_plain(all[i], 1, PING, 0, 0, 0);
    }
    for (int i = 0; i < 70; i++) {
        while (!all[i]->closed && !all[i]->pongs) {
            CHECK(take(all[i], 5000));
        }
        alive += all[i]->pongs;
    }
    CHECK(alive == 64 - first);
    for (int i = 0; i < 70; i++) {
        hang_up(all[i]);
    }
    ping(stub->first);
    client = connect_to(stub);
    ping(client);
    hang_up(client);
}

/* A connection that is handed over by another, and ends without it. */
static void test_handed_over(struct stub *stub) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    struct client *client = connect_to(stub);
    send_frame_with(client, 0, CONNECT, 0, 0, 0, &pair[1], 1);
    close(pair[1]);
    struct client *other = client_on(pair[0]);
    ping(other);
    ping(client);
    hang_up(client);
    struct list *list = new_list(EXECUTION);
    list->header.execution = 30;
    add_execve(list, 0, SHELL("exit 6"));
    run_and_wait(other, 1, list);
    AWAIT(other, other->seen[30].exits == 1 && other->seen[30].status == 6);
    hang_up(other);
}

/* A listening socket that it gets while it runs: once, and nothing else is taken for one. It does not keep it from its end. */
static void test_door(void) {
    door_of_next = 0;
    struct stub stub = start_stub(1, 1);
    door_of_next = 1;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    send_frame_with(stub.first, 0, LISTEN, 0, 0, 0, &pair[1], 1);
    ping(stub.first);
    await_descriptors(stub.pid, 5); /* three, epoll, signals */
    for (int i = 0; i < 2; i++) {
        send_frame_with(stub.first, 0, LISTEN, 0, 0, 0, &stub.listening, 1);
    }
    ping(stub.first);
    await_descriptors(stub.pid, 5);
    struct client *client = connect_to(&stub);
    ping(client);
    run_and_wait(client, 1, new_list(CHILD));
    ping(stub.first);
    hang_up(stub.first);
    CHECK(wait_for_end(&stub) == 0);
    AWAIT_END(client);
    hang_up(client);
    close(pair[0]);
    close(pair[1]);
    close(stub.listening);
}

static struct stub start_writing(int *messages) {
    CHECK((*messages = memfd_create("messages", MFD_CLOEXEC)) >= 0);
    messages_of_next = *messages;
    struct stub stub = start_stub(0, 1);
    messages_of_next = -1;
    return stub;
}

static void check_message(int messages, const char *expected) {
    char text[64] = {0};
    CHECK(pread(messages, text, sizeof text - 1, 0) >= 0);
    if (strcmp(text, expected) != 0) {
        FAIL("it said '%s' instead of '%s'", text, expected);
    }
    close(messages);
}

static void set_life(struct client *client, uint64_t life, uint64_t idle, uint32_t last) {
    struct {
        uint64_t life, idle;
        uint32_t last, zero;
    } payload = {life, idle, last, 0};
    send_plain(client, 0, LIFETIME, 0, &payload, sizeof payload);
}

/* It ends with an execution, but not before what that has written is read, and says why it ends. */
static void test_last_execution(void) {
    int messages;
    struct stub stub = start_writing(&messages);
    set_life(stub.first, 0, 0, 31);
    struct list *list = new_list(EXECUTION); /* another one does not count */
    list->header.execution = 32;
    add_execve(list, 0, TRUE);
    run_and_wait(stub.first, 1, list);
    AWAIT(stub.first, stub.first->seen[32].exits == 1);
    close(last_descriptor(stub.first));
    /* In a namespace of its own what goes on in the background is killed with it, else it ends by itself. */
    const char *script = as_first_process ? "sleep 1000 & echo last words; exit 3" : "echo last words; exit 3";
    run_kept(stub.first, 2, kept(31, (const char *const[]){"/bin/sh", "-c", script, 0}, -1, 0));
    AWAIT(stub.first, stub.first->seen[31].exits == 1 && stub.first->seen[31].status == 3);
    ping(stub.first); /* nobody has read the output yet */
    give_credit(stub.first, 31, 100, 100);
    AWAIT(stub.first, stub.first->seen[31].data[OUTPUT] == 11 && stub.first->seen[31].ends[OUTPUT] == 1);
    CHECK(wait_for_end(&stub) == 0);
    check_message(messages, "command\n");
    hang_up(stub.first);
    stub = start_writing(&messages);
    set_life(stub.first, 50, 0, 0);
    CHECK(wait_for_end(&stub) == 0);
    check_message(messages, "lifetime\n");
    hang_up(stub.first);
    stub = start_writing(&messages);
    set_life(stub.first, 0, 50, 0);
    ping(stub.first);
    hang_up(stub.first);
    CHECK(wait_for_end(&stub) == 0);
    check_message(messages, "idle\n");
}

/* Memory is short several times before somebody is killed for it. */
static void test_memory(void) {
    int messages;
    memory_of_next[0] = eventfd(0, EFD_CLOEXEC);
    memory_of_next[1] = memfd_create("victims", MFD_CLOEXEC);
    int counter = memory_of_next[0], victims = memory_of_next[1];
    uint64_t one = 1;
    CHECK(pwrite(victims, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", 42, 0) == 42);
    struct stub stub = start_writing(&messages);
    memory_of_next[0] = memory_of_next[1] = -1;
    CHECK(write(counter, &one, 8) == 8);
    ping(stub.first);
    usleep(20000);
    ping(stub.first);
    CHECK(write(counter, &one, 8) == 8);
    CHECK(pwrite(victims, "1", 1, 40) == 1);
    CHECK(wait_for_end(&stub) == 0);
    check_message(messages, "memory\n");
    hang_up(stub.first);
    close(counter);
    close(victims);
}

static void test_ends(void) {
    struct stub stub = start_stub(1, 1); /* attached */
    ping(stub.first);
    hang_up(stub.first);
    CHECK(wait_for_end(&stub) == 0);
    stub = start_stub(1, 1); /* also when the rules are broken */
    send_plain(stub.first, 1, 200, 0, 0, 0);
    CHECK(wait_for_end(&stub) == 0);
    hang_up(stub.first);
    stub = start_stub(0, 1); /* detached */
    ping(stub.first);
    hang_up(stub.first);
    stub.first = connect_to(&stub);
    set_life(stub.first, 100, 0, 0);
    CHECK(wait_for_end(&stub) == 0);
    hang_up(stub.first);
    stub = start_stub(0, 0); /* idle */
    stub.first = connect_to(&stub);
    set_life(stub.first, 0, 100, 0);
    usleep(200000);
    ping(stub.first);
    struct list *list = new_list(EXECUTION);
    list->header.execution = 5;
    add_execve(list, 0, SHELL("sleep 0.4"));
    run_and_wait(stub.first, 1, list);
    uint64_t begin = now_ns();
    hang_up(stub.first);
    CHECK(wait_for_end(&stub) == 0 && now_ns() - begin > 400000000u);
    stub = start_stub(1, 0); /* attached to nothing */
    CHECK(WEXITSTATUS(wait_for_end(&stub)) == 2);
}

static long places_for_descriptors(pid_t pid) {
    char path[64], line[128];
    long places = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    CHECK(status != 0);
    while (fgets(line, sizeof line, status)) {
        sscanf(line, "FDSize: %ld", &places);
    }
    fclose(status);
    return places;
}

/* What it has because its parent's was large it gives back when it has nothing to do. */
static void test_quiet(void) {
    int high = fcntl(0, F_DUPFD_CLOEXEC, 3000);
    CHECK(high >= 3000);
    struct stub stub = start_stub(1, 1);
    close(high);
    run_and_wait(stub.first, 1, new_list(CHILD));
    CHECK(places_for_descriptors(stub.pid) > 3000);
    for (int i = 0; i < 8000 && places_for_descriptors(stub.pid) > 64; i++) {
        usleep(1000);
    }
    CHECK(places_for_descriptors(stub.pid) <= 64);
    run_and_wait(stub.first, 2, new_list(CHILD));
    await_descriptors(stub.pid, 5); /* three, epoll, signals */
    hang_up(stub.first);
    CHECK(wait_for_end(&stub) == 0);
}

/* It kills, for one that would not see the end of its owner, and nothing else makes it do so. */
static void test_watch(void) {
    int line[2];
    CHECK(pipe2(line, O_CLOEXEC) == 0);
    pid_t victim = fork();
    if (victim == 0) {
        close(line[1]);
        for (;;) {
            pause();
        }
    }
    int held = (int)syscall(SYS_pidfd_open, victim, 0);
    pid_t watcher = fork();
    if (watcher == 0) {
        int copy = fcntl(held, F_DUPFD, 16), end = fcntl(line[0], F_DUPFD, 16);
        dup2(end, 0);
        dup2(copy, 3);
        syscall(SYS_close_range, 4, ~0u, 0);
        execl(program, program, "watch", (char *)0);
        _exit(99);
    }
    close(line[0]);
    char path[64], name[16] = {0};
    snprintf(path, sizeof path, "/proc/%d/comm", watcher);
    while (strncmp(name, "cay-watch", 9) != 0) { /* until then signals would end it */
        usleep(1000);
        int comm = open(path, O_RDONLY);
        CHECK(comm >= 0 && read(comm, name, sizeof name - 1) > 0);
        close(comm);
    }
    kill(watcher, SIGTERM);
    kill(watcher, SIGHUP);
    usleep(50000);
    int status;
    CHECK(waitpid(watcher, &status, WNOHANG) == 0);
    CHECK(waitpid(victim, &status, WNOHANG) == 0);
    close(line[1]);
    CHECK(waitpid(victim, &status, 0) == victim && WTERMSIG(status) == SIGKILL);
    CHECK(waitpid(watcher, &status, 0) == watcher && status == 0);
    close(held);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    program = arguments[1];
    as_first_process = count > 2 && strcmp(arguments[2], "first") == 0;
    signal(SIGPIPE, SIG_IGN);
    struct stub stub = start_stub(1, 1);
    uint64_t begin = now_ns();
#define TEST(name, call) \
    do { \
        current_test = name; \
        call; \
        fprintf(stderr, "  %-14s %5d ms\n", name, (int)((now_ns() - begin) / 1000000)); \
        begin = now_ns(); \
    } while (0)
    TEST("greeting", test_greeting(&stub));
    if (count > 3) {
        TEST("emulated", test_emulated(&stub));
        stop_stub(&stub);
        return 0;
    }
    TEST("inline", test_inline(&stub));
    TEST("descriptors", test_descriptors(&stub));
    TEST("children", test_children(&stub));
    TEST("hang-up", test_hang_up(&stub));
    TEST("refused", test_refused(&stub));
    TEST("rules", test_rules(&stub));
    TEST("execve", test_execve(&stub));
    TEST("streams", test_streams(&stub));
    TEST("backpressure", test_backpressure(&stub));
    TEST("stalled", test_end_while_stalled(&stub));
    TEST("record", test_record(&stub));
    TEST("terminal", test_terminal(&stub));
    TEST("timeout", test_timeout(&stub));
    TEST("cgroup", test_cgroup(&stub));
    TEST("many", test_many(&stub));
    TEST("handed over", test_handed_over(&stub));
    CHECK(!stub.first->closed);
    await_descriptors(stub.pid, 7); /* three, epoll, signals, the pipe that an inline list made */
    stop_stub(&stub);
    TEST("door", test_door());
    TEST("ends", test_ends());
    TEST("watch", test_watch());
    TEST("last execution", test_last_execution());
    TEST("memory", test_memory());
    TEST("quiet", test_quiet());
    return 0;
}
