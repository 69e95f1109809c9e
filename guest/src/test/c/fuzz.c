/* Fuzzes the stub over its socket, or over the channel of a machine: fuzz PROGRAM SECONDS [machine]. Lists and frames that are valid but for a few bytes, cut and
 * fragmented at random, on connections that come and go, while executions run. Whatever comes, the stub answers others.
 *
 * The machine must not be harmed by what a mutated list calls: its operations are getpid and a number that does not exist,
 * and no relocation may change that. */
#include "client.h"

static uint64_t state;

static uint32_t random_below(uint32_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % limit);
}

static const uint64_t INTERESTING[] = {0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 79, 80, 160, 255, 4095, 4096, 32767, 32768, 65535,
        65536, 1 << 23, (1 << 23) + 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, ~0ull, 1ull << 63, ~0ull - 7};

static void mutate(uint8_t *bytes, uint32_t length) {
    for (uint32_t count = random_below(4); count > 0 && length > 8; count--) {
        uint32_t width = 1u << random_below(4), at = random_below(length - 8) & ~(width - 1);
        if (random_below(3) == 0) {
            at = random_below(length < 80 ? length - 7 : 73);
        }
        uint64_t value = INTERESTING[random_below(sizeof INTERESTING / sizeof *INTERESTING)];
        if (random_below(4) == 0) {
            bytes[at] ^= (uint8_t)(1u << random_below(8));
        } else {
            memcpy(bytes + at, &value, width);
        }
    }
}

/* What is looked at as an operation calls nothing that does harm, or for ever. */
static void tame(uint8_t *bytes, uint32_t length) {
    uint16_t operations, relocations;
    memcpy(&operations, bytes + 8, 2);
    memcpy(&relocations, bytes + 10, 2);
    for (uint32_t at = 80; at + 80 <= length; at += 80) {
        if ((at - 80) / 80 >= operations) {
            break;
        }
        uint64_t number, mask;
        memcpy(&number, bytes + at, 8);
        memcpy(&mask, bytes + at + 56, 8);
        number = number % 2 ? SYS_getpid : 100000;
        mask &= number == SYS_getpid ? ~(REPEATED | SENT) : ~REPEATED; /* the result 1 is no descriptor to be given away */
        memcpy(bytes + at, &number, 8);
        memcpy(bytes + at + 56, &mask, 8);
    }
    uint64_t end = 80 + 80ull * operations;
    for (uint32_t i = 0; i < relocations && end + 8ull * i + 8 <= length; i++) {
        struct relocation relocation;
        memcpy(&relocation, bytes + end + 8 * i, 8);
        if (relocation.at < end + 8ull * relocations) {
            relocation.at = random_below(2) ? 0xfffffff8u : length;
            memcpy(bytes + end + 8 * i, &relocation, 8);
        }
    }
    for (int i = 0; i < 8; i++) { /* the clone flags stay sane */
        bytes[16 + i] &= random_below(50) ? 0 : 0xff;
    }
}

static struct list *valid_list(int kind, int spare) {
    struct list *list = new_list(kind % 3);
    uint32_t data = put(list, "0123456789abcdef", 16);
    list->header.room = kind % 2 ? 64 : 0;
    for (int i = 0; i < 1 + kind % 5; i++) {
        add(list, SYS_getpid, (i % 2 ? OFFSET(1) : 0) | (i == 3 ? OFFSET(0) | VALUE(0) : 0), i == 3 ? data : 0, i % 2 ? data + 4 : 0, 0, 0, 0);
    }
    list->relocations[list->header.relocations++] = (struct relocation){data, data + 8};
    list->header.reply = data;
    list->header.reply_length = 16;
    if (kind % 4 == 3) {
        list->operations[0].mask |= INDEX(5);
        list->operations[0].arguments[5] = (uint64_t)pass(list, spare);
        pass(list, spare);
    }
    if (kind % 3 == EXECUTION) {
        list->header.execution = 100 + random_below(5);
        list->header.timeout = random_below(2) * 10;
        list->header.record = pass(list, spare);
        list->header.ring = 4096;
        list->header.ours[random_below(3)] = pass(list, spare);
    }
    return list;
}

static void send_fuzzed_list(struct client *client, int spare) {
    struct list *list = valid_list((int)random_below(60), spare);
    bytes_of(list);
    uint32_t length = list->header.total, fragment = random_below(3) ? FRAME_SIZE : 1 + random_below(100);
    mutate(list->bytes, length);
    tame(list->bytes, length);
    int count = list->header.descriptors;
    if (random_below(20) == 0) {
        count = (int)random_below(6);
        for (int i = 0; i < count; i++) {
            list->descriptors[i] = spare;
        }
    }
    send_fragments(client, random_below(6), list->bytes, length, fragment, list->descriptors, count);
    free(list->bytes);
    free(list);
}

/* RUN is without operations here, so that bytes that are taken for a list by a wrong length call nothing. */
static void send_fuzzed_frame(struct client *client) {
    static const uint8_t lengths[22] = {0, 16, 4, 4, 80, 8, 10, 4, 4, 16, 0, 0, 0, 4, 8, 24, 0, 0, 0, 8, 8, 0};
    uint8_t bytes[8 + 200] = {0};
    struct frame frame = {1 + random_below(10), (uint8_t)(1 + random_below(client->mark ? 21 : 18)), 0, 0};
    frame.length = lengths[frame.kind];
    frame.flags = frame.kind >= DATA && frame.kind <= END ? (uint8_t)random_below(3) : 0;
    if (frame.kind == DATA || frame.kind == END) {
        frame.flags = 0;
    }
    if (frame.kind == CREDIT) {
        frame.flags |= 1;
        bytes[8 + random_below(4)] = (uint8_t)random_below(256);
    }
    if (frame.kind == HELLO) {
        memcpy(bytes + 8, "CaySTUB1nonce678", 16);
        client->mark = client->mark && !random_below(4) ? 0x636e6f6e : client->mark; /* "nonc": the session is that one's then */
    }
    if (frame.kind == RUN) {
        bytes[8] = 80;
        memset(bytes + 8 + 24, 0xff, 4);
        memset(bytes + 8 + 40, 0xff, 8);
        memset(bytes + 8 + 56, 0xff, 12);
    }
    if (frame.kind == SIGNAL) {
        bytes[8] = (uint8_t)(random_below(10) ? SIGCONT : SIGTERM);
    }
    memcpy(bytes, &frame, 8);
    if (random_below(12) == 0) {
        uint32_t at = 4 + random_below(4);
        bytes[at] = (uint8_t)INTERESTING[random_below(20)];
    }
    memcpy(bytes + 8 + lengths[frame.kind], &client->mark, 4);
    uint32_t whole = 8u + lengths[frame.kind] + (client->mark && frame.kind != HELLO ? 4 : 0);
    send_bytes(client, bytes, random_below(100) ? whole : random_below(whole) + 1, 0, 0);
}

/* The stub lives and answers a connection that keeps to the rules. */
static void check_alive(struct stub *stub) {
    int status;
    if (waitpid(stub->pid, &status, WNOHANG) != 0) {
        FAIL("the stub ended, status %x", (unsigned)status);
    }
    struct client *client = connect_to(stub);
    ping(client);
    hang_up(client);
}

static void run_cat(struct client *client, uint32_t number, const char *script) {
    int input[2], output[2];
    CHECK(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0);
    struct list *list = new_list(EXECUTION);
    add_execve(list, (int[]){input[0], output[1], output[1]}, (const char *const[]){"/bin/sh", "-c", script, 0});
    list->header.execution = number;
    list->header.ours[0] = pass(list, input[1]);
    list->header.ours[1] = pass(list, output[0]);
    run(client, 400, list);
    for (int i = 0; i < 2; i++) {
        close(input[i]);
        close(output[i]);
    }
}

/* Over a channel there is one session after the other. */
static void fuzz_machine(uint64_t end) {
    lists_have_numbers = 1;
    machine_is_next = 1;
    messages_of_next = open("/dev/null", O_WRONLY | O_CLOEXEC); /* a list may take it for a record and write to it */
    struct stub stub = start_stub(0, 1);
    struct client *client = stub.first;
    uint64_t sent = 0, sessions = 0;
    while (now_ns() < end) {
        greet(client);
        sessions++;
        for (uint32_t many = random_below(60); many > 0; many--, sent++) {
            if (random_below(50) == 0) {
                client->mark ^= 1u << random_below(32);
            }
            (random_below(2) ? send_fuzzed_list(client, 0) : send_fuzzed_frame(client));
            while (take(client, 0) && !client->closed) {
            }
        }
        for (int i = 0; i < STREAMS; i++) {
            client->seen[i].result_length = 0;
        }
    }
    greet(client);
    ping(client);
    stop_stub(&stub);
    fprintf(stderr, "  fuzz: %llu sent in %llu sessions\n", (unsigned long long)sent, (unsigned long long)sessions);
}

int main(int count, char **arguments) {
    CHECK(count >= 3);
    program = arguments[1];
    as_first_process = geteuid() == 0;
    signal(SIGPIPE, SIG_IGN);
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), 0, 10) : now_ns();
    state = seed | 1;
    fprintf(stderr, "  fuzz: SEED=%llu\n", (unsigned long long)seed);
    current_test = "fuzz";
    if (count > 3) {
        fuzz_machine(now_ns() + strtoull(arguments[2], 0, 10) * 1000000000u);
        return 0;
    }
    struct stub stub = start_stub(0, 0);
    int spare = memfd_create("spare", MFD_CLOEXEC);
    struct client *clients[6] = {0};
    uint64_t end = now_ns() + strtoull(arguments[2], 0, 10) * 1000000000u, sent = 0, ended = 0, refused = 0, done = 0;
    while (now_ns() < end) {
        int which = (int)random_below(6);
        if (!clients[which]) {
            int status;
            if (waitpid(stub.pid, &status, WNOHANG) != 0) {
                FAIL("the stub ended, status %x", (unsigned)status);
            }
            clients[which] = connect_to(&stub);
        }
        struct client *client = clients[which];
        switch (random_below(40)) {
            case 0:
                run_cat(client, 1 + random_below(10), random_below(2) ? "cat" : "head -c 100000 /dev/zero; cat >/dev/null");
                break;
            case 1:
                hang_up(client);
                clients[which] = 0;
                continue;
            default:
                (random_below(2) ? send_fuzzed_list(client, spare) : send_fuzzed_frame(client));
        }
        sent++;
        while (take(client, 0)) {
            if (client->closed) {
                break;
            }
        }
        while (client->descriptor_count > 0) {
            close(last_descriptor(client));
        }
        for (int i = 0; i < 6; i++) {
            refused += client->seen[i].results && client->seen[i].failed == -2;
            done += client->seen[i].results && client->seen[i].failed != -2;
            client->seen[i].results = 0;
            client->seen[i].result_length = 0;
        }
        client->seen[400].result_length = 0;
        for (int i = 1; i < 11; i++) {
            client->seen[i].data[1] = client->seen[i].data[2] = 0;
        }
        if (client->closed) {
            ended++;
            hang_up(client);
            clients[which] = 0;
        }
        if (sent % 500 == 0) {
            for (int i = 0; i < 6; i++) {
                if (clients[i]) {
                    hang_up(clients[i]);
                    clients[i] = 0;
                }
            }
            check_alive(&stub);
        }
    }
    for (int i = 0; i < 6; i++) {
        if (clients[i]) {
            hang_up(clients[i]);
        }
    }
    check_alive(&stub);
    stop_stub(&stub);
    fprintf(stderr, "  fuzz: %llu sent, %llu lists done, %llu refused, %llu connections ended\n", (unsigned long long)sent,
            (unsigned long long)done, (unsigned long long)refused, (unsigned long long)ended);
    return 0;
}
