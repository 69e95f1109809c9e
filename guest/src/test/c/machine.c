/* Tests the stub of a machine over a channel that passes no descriptors: machine PROGRAM [ordinary | first]. */
#include "client.h"

static int is_open(struct client *client, int number) {
    struct list *list = new_list(INLINE);
    add(list, SYS_fcntl, 0, (u64)number, F_GETFD, 0, 0, 0)->tolerated[0] = EBADF;
    run_and_wait(client, 3, list);
    return result_of(client, 3, 0) >= 0;
}

/* Opens a pipe over there; the numbers of its ends are the session's. */
static void open_pipe(struct client *client, int *ends) {
    struct list *list = new_list(INLINE);
    u32 pair = put(list, 0, 16);
    add(list, SYS_pipe2, OFFSET(0), pair, O_CLOEXEC, 0, 0, 0);
    for (u32 i = 0; i < 2; i++) { /* the kernel takes the low half of what stands there for a descriptor */
        add(list, SYS_fcntl, OFFSET(0) | VALUE(0) | SENT, pair + 4 * i, F_DUPFD_CLOEXEC, 3, 0, 0);
    }
    for (u32 i = 0; i < 2; i++) {
        add(list, SYS_close, OFFSET(0) | VALUE(0), pair + 4 * i, 0, 0, 0, 0);
    }
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1 && client->descriptor_count == 0);
    for (int i = 0; i < 2; i++) {
        ends[i] = (int)result_of(client, 1, 1 + i);
        CHECK(is_open(client, ends[i]));
    }
}

static void close_there(struct client *client, int first, int second) {
    send_words(client, 0, CLOSE, 0, 2, (u32)first, (u32)second);
}

static void start_shell(struct client *client, u32 number, const char *script, int with_input) {
    int input[2], output[2];
    open_pipe(client, input);
    open_pipe(client, output);
    struct list *list = new_list(EXECUTION);
    add_execve(list, (int[]){input[0], output[1], output[1]}, (const char *const[]){"/bin/sh", "-c", script, 0});
    list->header.execution = number;
    list->header.ours[0] = with_input ? pass(list, input[1]) : -1;
    list->header.ours[1] = pass(list, output[0]);
    run_and_wait(client, 2, list);
    if (client->seen[2].failed != -1) {
        FAIL("the execution: %d, errno %d", client->seen[2].failed, client->seen[2].error);
    }
    close_there(client, input[0], input[1]);
    close_there(client, output[0], output[1]);
    int pidfd = client->seen[2].error;
    CHECK(pidfd > 2 && is_open(client, pidfd));
    close_there(client, pidfd, pidfd);
    CHECK(!is_open(client, pidfd));
}

static void test_greeting(struct stub *stub) {
    struct client *client = stub->first;
    send_bytes(client, "noise CaySTUB1 \1\0\20\0CaySTUB", 26, 0, 0);
    send_plain(client, 9, PING, 0, "lost", 4);
    struct greeting unmarked = {GREETING, 0x7777777700000000}; /* its low half is the mark of zeros */
    send_plain(client, 9, HELLO, 0, &unmarked, sizeof unmarked);
    greet(client);
    CHECK(client->pongs == 0);
    ping(client);
    struct greeting again = {GREETING, next_nonce - 0x100000001};
    struct list *list = new_list(INLINE);
    add(list, SYS_openat, OFFSET(1) | SENT, (u64)AT_FDCWD, put_text(list, "/"), O_PATH | O_CLOEXEC, 0, 0);
    run_and_wait(client, 1, list);
    send_plain(client, 9, HELLO, 0, &again, sizeof again); /* the same session */
    AWAIT(client, client->hellos == 2);
    CHECK(is_open(client, (int)result_of(client, 1, 0)));
    close_there(client, (int)result_of(client, 1, 0), -1);
}

static void test_numbers(struct stub *stub) {
    struct client *client = stub->first;
    int ends[2];
    open_pipe(client, ends);
    struct list *list = new_list(CHILD); /* a child has them too, and the list's own copy is closed after it */
    add(list, SYS_write, INDEX(0) | OFFSET(1), (u64)pass(list, ends[1]), put(list, "abc", 3), 3, 0, 0);
    u32 buffer = put(list, 0, 8);
    add(list, SYS_read, INDEX(0) | OFFSET(1), (u64)pass(list, ends[0]), buffer, 8, 0, 0);
    list->header.reply = buffer;
    list->header.reply_length = 8;
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1 && result_of(client, 1, 1) == 3 && memcmp(client->seen[1].result + 24, "abc", 3) == 0);
    close_there(client, ends[0], ends[1]);
    CHECK(!is_open(client, ends[0]) && !is_open(client, ends[1]));
    list = new_list(INLINE);
    add(list, SYS_fchdir, INDEX(0), (u64)pass(list, ends[0]), 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -2 && client->seen[1].error == EBADF);
    close_there(client, 0, 1); /* these are not the session's */
    CHECK(is_open(client, 0) && is_open(client, 1));
    list = new_list(INLINE); /* what a list that fails had opened is told as well */
    add(list, SYS_openat, OFFSET(1) | SENT, (u64)AT_FDCWD, put_text(list, "/"), O_PATH | O_CLOEXEC, 0, 0);
    add(list, 100000, 0, 0, 0, 0, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == 1 && is_open(client, (int)result_of(client, 1, 0)));
    close_there(client, (int)result_of(client, 1, 0), -1);
    list = new_list(INLINE); /* more than there may be */
    for (int i = 0; i < 33; i++) {
        pass(list, 0);
    }
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -2 && client->seen[1].error == EINVAL);
}

static void test_streams(struct stub *stub) {
    struct client *client = stub->first;
    start_shell(client, 20, "cat; exit 5", 1);
    AWAIT(client, client->seen[20].credit == WINDOW);
    send_words(client, 20, CREDIT, OUTPUT, 1, 1 << 20, 0);
    for (int i = 0; i < 3; i++) {
        send_plain(client, 20, DATA, INPUT, "sixteen letters.", 16);
    }
    AWAIT(client, client->seen[20].data[OUTPUT] == 48);
    send_words(client, 20, END, INPUT, 1, 0, 0);
    AWAIT(client, client->seen[20].exits == 1 && client->seen[20].status == 5 && client->seen[20].ends[OUTPUT] == 1);
    start_shell(client, 21, "head -c 3000000 /dev/zero", 0);
    send_words(client, 21, CREDIT, OUTPUT, 1, 1 << 30, 0);
    AWAIT(client, client->seen[21].data[OUTPUT] == 3000000 && client->seen[21].exits == 1);
}

/* Everything of the session before is gone, but for executions. */
static void test_next_session(struct stub *stub) {
    struct client *client = stub->first;
    int ends[2];
    start_shell(client, 22, "read line; echo $line; read line; exit 9", 1);
    AWAIT(client, client->seen[22].credit == WINDOW);
    open_pipe(client, ends);
    struct list *list = new_list(CHILD); /* one that does not end by itself, and one that waits behind others */
    add(list, SYS_pause, 0, 0, 0, 0, 0, 0);
    run(client, 4, list);
    greet(client);
    CHECK(!is_open(client, ends[0]) && !is_open(client, ends[1]) && client->seen[4].results == 0);
    CHECK(client->alive_length == 0);
    send_plain(client, 1, ALIVE, 0, 0, 0);
    AWAIT(client, client->alive_length == 8);
    u32 alive[2];
    memcpy(alive, client->alive, 8);
    CHECK(alive[0] == 22 && alive[1] > 1);
    client->seen[22].credit = 0;
    send_plain(client, 22, ATTACH, 0, 0, 0);
    AWAIT(client, client->seen[22].attached == 1 && client->seen[22].credit == WINDOW);
    CHECK(client->seen[22].pid == (i32)alive[1]);
    send_words(client, 22, CREDIT, OUTPUT, 1, 100, 0);
    send_plain(client, 22, DATA, INPUT, "one\n", 4);
    AWAIT(client, client->seen[22].data[OUTPUT] == 4);
    greet(client); /* it ends while nobody is attached, and it cannot be told */
    int input[2];
    open_pipe(client, input);
    close_there(client, input[0], input[1]);
    send_plain(client, 22, ATTACH, 0, 0, 0);
    AWAIT(client, client->seen[22].attached == 2);
    send_plain(client, 22, DATA, INPUT, "two\n", 4);
    AWAIT(client, client->seen[22].exits == 1 && client->seen[22].status == 9);
    send_words(client, 22, CREDIT, OUTPUT, 1, 100, 0);
    AWAIT(client, client->seen[22].ends[OUTPUT] == 1);
}

/* Wherever a session breaks off, the half of a frame that came does nothing, and nothing in it is taken for a frame. */
static void test_broken_off(struct stub *stub) {
    struct client *client = stub->first;
    char file[] = "/tmp/machine.XXXXXX";
    int descriptor = mkstemp(file);
    struct {
        struct frame data;
        u8 letters[50];
        struct frame hello;
        struct greeting greeting;
        struct frame run;
    } bytes = {{23, DATA, INPUT, sizeof bytes - 8}, {0}, {~0u, HELLO, 0, 16}, {GREETING, 0x5555}, {7, RUN, 0, 0}};
    memset(bytes.letters, 'x', sizeof bytes.letters);
    u8 *marked = calloc(1, sizeof bytes + 4);
    memcpy(marked, &bytes, sizeof bytes);
    char script[100];
    snprintf(script, sizeof script, "exec cat >%s", file);
    for (u32 cut = 1; cut < sizeof bytes + 4; cut += cut < 10 || cut > sizeof bytes ? 1 : 9) {
        greet(client);
        client->seen[23] = (struct seen){0};
        start_shell(client, 23, script, 1);
        AWAIT(client, client->seen[23].credit == WINDOW);
        memcpy(marked + sizeof bytes, &client->mark, 4);
        send_bytes(client, marked, cut, 0, 0);
        greet(client);
        send_plain(client, 23, ATTACH, 0, 0, 0);
        AWAIT(client, client->seen[23].attached == 1 && client->seen[23].credit == 2 * WINDOW);
        send_words(client, 23, CREDIT, OUTPUT, 1, 1 << 20, 0);
        send_words(client, 23, END, INPUT, 1, 0, 0);
        AWAIT(client, client->seen[23].exits == 1 && client->seen[23].ends[OUTPUT] == 1);
        struct stat status;
        CHECK(fstat(descriptor, &status) == 0);
        if (status.st_size != 0) {
            FAIL("cut at %u: %d bytes came through", cut, (int)status.st_size);
        }
    }
    free(marked);
    close(descriptor);
    unlink(file);
    struct list *list = new_list(INLINE); /* a list of several frames, and one that is whole but for its mark */
    u8 *sent = bytes_of(list);
    send_frame_with(client, 5, RUN, MORE, sent, 40, 0, 0);
    greet(client);
    u32 mark = client->mark;
    client->mark ^= 0x80;
    send_frame_with(client, 5, RUN, 0, sent, (u16)list->header.total, 0, 0);
    client->mark = mark;
    send_plain(client, 1, PING, 0, 0, 0); /* its session is over */
    greet(client);
    CHECK(client->seen[5].results == 0);
    ping(client);
    free(sent);
    free(list);
}

static void test_rules(struct stub *stub) {
    struct client *client = stub->first;
    int pongs = client->pongs;
    const struct frame wrong[] = {{0, CONNECT, 0, 0}, {0, CONNECT, 0, 4}, {0, 0, 0, 0}, {0, 99, 0, 0}, {0, CLOSE, 0, 3}, {0, SILENCE, 0, 4},
        {0, ALIVE, 0, 1}, {0, PING, 0, 65}, {1, RUN, 4, 0}, {1, PING, 0, FRAME_SIZE + 1}, {1, EXIT, 0, 0}};
    static u8 zeros[65536];
    for (u32 i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        send_plain(client, wrong[i].stream, wrong[i].kind, wrong[i].flags, zeros, wrong[i].length);
        send_plain(client, 1, PING, 0, 0, 0);
        greet(client);
        if (client->pongs != pongs) {
            FAIL("rule %u", i);
        }
    }
}

static void test_backpressure(struct stub *stub) {
    struct client *client = stub->first;
    start_shell(client, 24, "exec head -c 2000000 /dev/zero", 0);
    send_words(client, 24, CREDIT, OUTPUT, 1, 1 << 30, 0);
    u8 payload[64] = {0};
    int pongs = client->pongs;
    for (int i = 0; i < 5000; i++) { /* send_bytes() reads when the stub does not */
        send_plain(client, 1, PING, 0, payload, sizeof payload);
    }
    AWAIT(client, client->pongs == pongs + 5000);
    AWAIT(client, client->seen[24].data[OUTPUT] == 2000000 && client->seen[24].exits == 1);
}

/* A further channel, a socket of which this has the other end; there it is the number that is returned, of this session. */
static struct client *open_channel(struct client *client, int *number) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listening, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 && listen(listening, 1) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    struct list *list = new_list(INLINE);
    add(list, SYS_socket, SENT, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
    run_and_wait(client, 1, list);
    *number = (int)result_of(client, 1, 0);
    list = new_list(INLINE);
    add(list, SYS_connect, INDEX(0) | OFFSET(1), (u64)pass(list, *number), put(list, &address, length), length, 0, 0);
    run_and_wait(client, 1, list);
    CHECK(client->seen[1].failed == -1);
    struct client *further = client_on(accept(listening, 0, 0));
    CHECK(further->descriptor >= 0);
    close(listening);
    send_words(client, 0, CONNECT, 0, 1, (u32)*number, 0);
    return further;
}

/* Several hosts at once, each with a session and descriptors of its own; one that goes takes only these along. */
static void test_channels(struct stub *stub) {
    struct client *client = stub->first;
    int number, ends[2], others[2];
    struct client *further = open_channel(client, &number);
    greet(further);
    ping(client);
    ping(further);
    open_pipe(client, ends);
    open_pipe(further, others);
    close_there(further, ends[0], number);
    close_there(client, others[0], number); /* which is nobody's any more */
    CHECK(is_open(client, ends[0]) && is_open(further, others[0]) && is_open(client, number));
    greet(client);
    CHECK(!is_open(client, ends[0]) && is_open(further, others[0]));
    start_shell(further, 25, "head -c 300000 /dev/zero; read line; exit 4", 1);
    send_words(further, 25, CREDIT, OUTPUT, 1, 1000, 0);
    AWAIT(further, further->seen[25].data[OUTPUT] == 1000);
    hang_up(further); /* it is not held up by a host that is gone */
    send_plain(client, 25, ATTACH, 0, 0, 0);
    for (int i = 0; client->seen[25].attached_bytes[0] < 300000; i++) {
        CHECK(i < 8000);
        usleep(1000);
        send_plain(client, 25, DETACH, 0, 0, 0);
        send_plain(client, 25, ATTACH, 0, 0, 0);
        ping(client);
    }
    CHECK(!is_open(client, others[0]));
    client->seen[25].exits = 0;
    send_plain(client, 25, DATA, INPUT, "end\n", 4);
    AWAIT(client, client->seen[25].exits == 1 && client->seen[25].status == 4);
    send_words(client, 25, CREDIT, OUTPUT, 1, 1000, 0);
    AWAIT(client, client->seen[25].ends[OUTPUT] == 1);
    int pongs = client->pongs; /* only what is the session's can become a channel */
    send_words(client, 0, CONNECT, 0, 1, 1, 0);
    send_plain(client, 1, PING, 0, 0, 0);
    greet(client);
    CHECK(client->pongs == pongs);
    for (int i = 0; i < 70; i++) { /* more than there is room for, gone at once */
        hang_up(open_channel(client, &number));
    }
    ping(client);
}

static struct list *list_that_makes(const char *path) {
    struct list *list = new_list(INLINE);
    add(list, SYS_mkdirat, OFFSET(1), (u64)AT_FDCWD, put_text(list, path), 0700, 0, 0);
    return list;
}

static void leave(struct client *client, struct list *list) {
    bytes_of(list);
    client->seen[6].results = 0;
    client->seen[6].result_length = 0;
    send_plain(client, 6, RUN, LEAVE, list->bytes, (u16)list->header.total);
    AWAIT(client, client->seen[6].results == 1);
    free(list->bytes);
    free(list);
}

/* Nobody speaks with it and nothing runs: that is what a session puts off, and neither a channel does nor an onlooker. */
static void test_idle(void) {
    struct stub stub = start_machine();
    struct client *client = stub.first;
    greet(client);
    u64 times[3] = {0, 300, 0};
    leave(client, list_that_makes("/tmp")); /* which is for the end, and does not keep it from coming */
    send_plain(client, 0, LIFETIME, 0, times, sizeof times);
    for (int i = 0; i < 5; i++) {
        usleep(100000);
        ping(client);
    }
    send_plain(client, 0, 99, 0, 0, 0); /* which ends the session */
    greet_as(client, ONLOOKER);
    CHECK(!is_open(client, 1000)); /* that a list runs is nothing either */
    CHECK(wait_for_end(&stub) == 0);
    hang_up(client);
    struct stub other = start_machine();
    client = other.first;
    greet_as(client, ONLOOKER);
    leave(client, list_that_makes("/tmp"));
    start_shell(client, 7, "read line", 1); /* nor that an onlooker's execution does */
    send_plain(client, 0, LIFETIME, 0, times, sizeof times);
    CHECK(wait_for_end(&other) == 0);
    hang_up(client);
}

static void test_silence(struct stub *stub) {
    struct client *client = stub->first;
    char wrong[] = "/tmp/machine.XXXXXX", right[] = "/tmp/machine.XXXXXX";
    CHECK(mkdtemp(wrong) && mkdtemp(right) && rmdir(wrong) == 0 && rmdir(right) == 0);
    leave(client, list_that_makes(wrong));
    CHECK(client->seen[6].failed == -1 && client->seen[6].error == 0);
    struct list *child = list_that_makes(wrong);
    child->header.mode = CHILD;
    leave(client, child);
    CHECK(client->seen[6].failed == -2 && client->seen[6].error == EINVAL);
    leave(client, list_that_makes(right)); /* instead of the first */
    u64 limit = 1000, heard = now_ns(), longest = 0;
    send_plain(client, 0, SILENCE, 0, &limit, 8);
    for (int i = 0; i < 15; i++) {
        usleep(100000);
        ping(client);
        u64 gap = now_ns() - heard;
        longest = gap > longest ? gap : longest;
        heard = now_ns();
    }
    CHECK(access(right, F_OK) != 0 || longest > limit * 1000000);
    greet(client); /* it is not the session's */
    for (int i = 0; access(right, F_OK) != 0; i++) {
        CHECK(i < 8000);
        usleep(10000);
    }
    CHECK(rmdir(right) == 0 && access(wrong, F_OK) != 0);
    ping(client); /* it went well, so it is there still */
    limit = 0;
    leave(client, list_that_makes(right));
    send_plain(client, 0, SILENCE, 0, &limit, 8);
    ping(client);
    for (int i = 0; i < 20000; i++) { /* more answers than it gets rid of */
        struct pollfd wanted = {client->descriptor, POLLOUT, 0};
        if (poll(&wanted, 1, 50) <= 0) {
            break;
        }
        send_plain(client, 1, PING, 0, right, 16);
    }
    hang_up(client); /* of a socket there is an end to be seen */
    CHECK(wait_for_end(stub) == 0 && rmdir(right) == 0);
}

int main(int count, char **arguments) {
    CHECK(count >= 2);
    program = arguments[1];
    as_first_process = count > 2 && strcmp(arguments[2], "first") == 0;
    signal(SIGPIPE, SIG_IGN);
    lists_have_numbers = 1;
    struct stub stub = start_machine();
    u64 begin = now_ns();
#define TEST(name, call) \
    do { \
        current_test = name; \
        call; \
        fprintf(stderr, "  %-14s %5d ms\n", name, (int)((now_ns() - begin) / 1000000)); \
        begin = now_ns(); \
    } while (0)
    TEST("greeting", test_greeting(&stub));
    TEST("numbers", test_numbers(&stub));
    TEST("streams", test_streams(&stub));
    TEST("next session", test_next_session(&stub));
    TEST("broken off", test_broken_off(&stub));
    TEST("rules", test_rules(&stub));
    TEST("backpressure", test_backpressure(&stub));
    TEST("channels", test_channels(&stub));
    TEST("silence", test_silence(&stub));
    TEST("idle", test_idle());
    return 0;
}
