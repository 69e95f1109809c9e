/* The first process of a sandbox: runs lists of system calls that its owner sends, keeps streams, reaps. It decides nothing.
 *
 * One thread, one loop. Nothing here waits for anything but epoll, and children that share the memory write to their own
 * job alone, so nothing needs a lock. A connection whose socket is full is "stalled": it is not read, and what it is to be
 * told is kept as state, not as a queue; so memory is bounded whatever a connection does. */
#include "system.h"

#include "protocol.h"

#include "list.h"

#include "execution.h"

#include "machine.h"

enum { DOOR = 1, MESSAGES = 2, SHORTAGE = 3, VICTIMS = 4 };
enum { HANDLES = 65536, MARK = 4 /* bytes of it behind a frame of a channel */ };
enum { EVENTS = 32, REAPED_AT_ONCE = 64, ACCEPT_AGAIN = 100, QUIET = 1000, LOOK_AGAIN = 5, LOOKS = 100 };

static u8 inbox[2 * FRAME_SIZE] __attribute__((aligned(LARGEST_PAGE)));
static struct job *running[RUNNING_JOBS], *waiting, **waiting_end;
static i32 signals;
static u32 connection_count;
static u8 ends_with_connection_0, more_to_reap, accepting_paused, memory_used;
static u64 accept_again, life_over, idle_time, idle_over, look_again; /* milliseconds, 0: never */
static u32 last_execution, looks; /* last: with whose end it ends, 0: none; looks: how many are left */
static u8 ending;                 /* the last execution has been reaped */
static u64 handles[HANDLES / 64]; /* a bit for each descriptor that is kept for the session of a channel */
static u64 silence, heard;        /* milliseconds of silence on the channel until the list that was left is run; 0: never */
static struct job *left;

static void run_left(void) {
    struct job *job = left;
    left = 0;
    silence = 0;
    if (job) {
        run_operations(job);
        free_job(job);
    }
}

_Noreturn static void exit_with(i32 code, const char *message, u32 length) {
    CALL3(__NR_write, MESSAGES, message, length);
    run_left();
    for (;;) {
        CALL1(__NR_exit_group, code);
    }
}
#define DIE(message) exit_with(2, message, sizeof message - 1)
#define END_BECAUSE(reason) exit_with(0, reason "\n", sizeof reason)

static void cancel(struct job *job) {
    job->cancelled = 1;
    CALL2(__NR_kill, job->pid, SIGKILL);
}

/* Takes a list that has not begun out of the queue; 0: there is none of this connection, or of this request. */
static struct job *take_waiting(i32 connection, const u32 *request) {
    for (struct job **place = &waiting; *place; place = &(*place)->next) {
        struct job *job = *place;
        if (job->connection == connection && (!request || job->request == *request)) {
            *place = job->next;
            if (!*place) {
                waiting_end = place;
            }
            if (job->execution) {
                drop_execution(job->execution);
            }
            return job;
        }
    }
    return 0;
}

static void free_result(struct job *job) {
    i32 descriptors[LIST_DESCRIPTORS];
    u32 count = job->sent == 0 ? results_to_send(job, descriptors) : 0;
    for (u32 i = 0; i < count; i++) {
        close_descriptor(descriptors[i]);
    }
    if (job->header.mode == EXECUTION && count > 0) {
        job->pidfd = -1;
    }
    struct execution *execution = job->execution;
    free_job(job);
    if (execution) {
        announce(execution);
    }
}

static int is_channel(const struct connection *connection) {
    return channel && connection == connections;
}

/* On a channel an edge is told, once more whenever it is asked for: one whose other end is gone is always ready. */
static void watch_connection(const struct connection *connection, u32 events) {
    poll_control(EPOLL_CTL_MOD, connection->descriptor, is_channel(connection) ? events | EPOLLET : events, CONNECTION,
                 (u32)(connection - connections));
}

static void close_handle(u32 number) {
    if (number < HANDLES && (handles[number / 64] >> number % 64 & 1)) {
        handles[number / 64] &= ~(1ull << number % 64);
        close_descriptor((i32)number);
    }
}

static void end_connection(struct connection *connection) {
    i32 index = (i32)(connection - connections);
    struct job *job;
    if (!connection->open) {
        return;
    }
    if (index == 0 && ends_with_connection_0) {
        exit_with(0, "", 0);
    }
    if (is_channel(connection)) { /* a session ends here, the channel stays */
        for (u32 i = 0; i < HANDLES; i += 64) {
            for (u32 number = i; handles[i / 64]; number++) {
                close_handle(number);
            }
        }
    } else { /* Children before their execve have copies of what we close, which must not keep it up, nor in epoll. */
        poll_control(EPOLL_CTL_DEL, connection->descriptor, 0, CONNECTION, 0);
        CALL2(__NR_shutdown, connection->descriptor, SHUT_BOTH);
    }
    if (is_channel(connection)) {
        connection->greeted = 0;
    } else if (connection->descriptor == 0) { /* stays taken: what a list brings along must not become a standard stream of its own */
        CALL3(__NR_dup3, 2, 0, O_CLOEXEC);
    } else {
        close_descriptor(connection->descriptor);
    }
    connection->open = 0;
    connection_count--;
    while (connection->queued > 0) {
        close_descriptor(connection->queue[--connection->queued]);
    }
    if (connection->pending) {
        give_block(connection->pending);
    }
    if (connection->held) {
        give_block(connection->held);
    }
    if (connection->receiving) {
        free_job(connection->receiving);
    }
    for (u32 i = 0; i < RUNNING_JOBS; i++) {
        if (running[i] && running[i]->connection == index) {
            running[i]->connection = -1;
            cancel(running[i]);
        }
    }
    while ((job = take_waiting(index, 0))) {
        free_job(job);
    }
    for (u32 i = 0; i < executions_end; i++) {
        struct execution *execution = &executions[i];
        execution->lost &= ~(1ull << index);
        if (execution->used && execution->connection == index) {
            detach(execution);
        } else if (execution->used) {
            forget_if_over(execution);
        }
    }
    job = connection->results;
    connection->results = 0;
    while (job) {
        struct job *next = job->next;
        free_result(job);
        job = next;
    }
}

static void add_connection(i32 descriptor, u32 index) {
    struct connection *connection = &connections[index];
    memset(connection, 0, sizeof *connection);
    connection->descriptor = descriptor;
    connection->open = 1;
    connection->results_end = &connection->results;
    connection_count++;
    if (is_error(poll_control(EPOLL_CTL_ADD, descriptor, EPOLLIN, CONNECTION, index))) {
        end_connection(connection);
    }
}

/* The next session can begin. */
static void open_channel(void) {
    struct connection *connection = &connections[0];
    i32 descriptor = connection->descriptor;
    memset(connection, 0, sizeof *connection);
    connection->descriptor = descriptor;
    connection->open = 1;
    connection->results_end = &connection->results;
    connection_count++;
    watch_connection(connection, EPOLLIN);
}

static void admit(i32 descriptor) {
    for (u32 index = 0; index < CONNECTIONS; index++) {
        if (!connections[index].open) {
            add_connection(descriptor, index);
            return;
        }
    }
    close_descriptor(descriptor);
}

static void stall(struct connection *connection) {
    if (!connection->stalled) {
        connection->stalled = 1;
        watch_connection(connection, EPOLLOUT);
    }
}

/* To a channel in one piece, header and all. */
static i64 send_on_channel(const struct connection *connection, const struct frame *frame, const void *payload) {
    u8 *start = outbox - sizeof *frame;
    memcpy(start, frame, sizeof *frame);
    if (payload != outbox) {
        memcpy(outbox, payload, frame->length);
    }
    return write_channel(connection->descriptor, start, sizeof *frame + frame->length);
}

/* Nobody is at the other end any more. With a channel that has an end, that is ours. */
static void break_off(struct connection *connection) {
    if (is_channel(connection) && channel == SOCKET_CHANNEL) {
        exit_with(0, "", 0);
    }
    end_connection(connection);
}

/* Whether the frame is on its way: what the socket does not take is kept, and the connection is stalled. Only a frame with
 * descriptors has to be sent again later if nothing of it was taken. Nothing is sent to a stalled connection. */
static int send_frame(struct connection *connection, struct frame frame, const void *payload, const i32 *descriptors, u32 count) {
    struct {
        u64 length;
        i32 level, type;
        i32 descriptors[LIST_DESCRIPTORS];
    } control = {16 + 4 * count, SOL_SOCKET_, SCM_RIGHTS_, {0}};
    struct io_vector vectors[2] = {{&frame, sizeof frame}, {payload, frame.length}};
    struct message message = {.vectors = vectors, .vector_count = frame.length ? 2 : 1};
    if (count > 0) {
        memcpy(control.descriptors, descriptors, 4 * count);
        message.control = &control;
        message.control_length = (control.length + 7) & ~7ull;
    }
    i64 sent = is_channel(connection)
                   ? send_on_channel(connection, &frame, payload)
                   : CALL3(__NR_sendmsg, connection->descriptor, &message, MSG_DONTWAIT_ | MSG_NOSIGNAL_);
    if (sent == -EAGAIN && count > 0) {
        stall(connection);
        return 0;
    }
    if (sent == -EAGAIN) {
        sent = 0;
    }
    if (is_error(sent)) {
        break_off(connection);
        return 0;
    }
    u32 whole = sizeof frame + frame.length;
    if ((u64)sent == whole) {
        return 1;
    }
    if (!connection->pending && !(connection->pending = take_block())) {
        end_connection(connection);
        return 0;
    }
    u32 start = (u32)sent;
    u8 *target = connection->pending;
    if (start < sizeof frame) {
        memcpy(target, (u8 *)&frame + start, sizeof frame - start);
        target += sizeof frame - start;
        start = sizeof frame;
    }
    memcpy(target, (const u8 *)payload + (start - sizeof frame), whole - start);
    connection->pending_start = 0;
    connection->pending_end = whole - (u32)sent;
    stall(connection);
    return 1;
}

/* Descriptors that were sent are not ours any more; on a channel they stay here, until the host or the session closes them. */
static void hand_over(const struct connection *connection, const i32 *descriptors, u32 count) {
    for (u32 i = 0; i < count; i++) {
        if (is_channel(connection) && descriptors[i] < HANDLES) {
            handles[descriptors[i] / 64] |= 1ull << descriptors[i] % 64;
        } else {
            close_descriptor(descriptors[i]);
        }
    }
}

/* The next part of the first result. */
static void send_result(struct connection *connection) {
    struct job *job = connection->results;
    i32 descriptors[LIST_DESCRIPTORS];
    u32 count = job->sent == 0 ? results_to_send(job, descriptors) : 0;
    u32 part = job->result_length - job->sent;
    u8 more = part > longest_payload();
    part = more ? longest_payload() : part;
    if (is_channel(connection) && job->header.mode == EXECUTION && count > 0) {
        job->error = job->pidfd;
    }
    copy_result(job, job->sent, outbox, part);
    u32 passed = is_channel(connection) ? 0 : count;
    if (!send_frame(connection, (struct frame){job->request, RESULT, more, (u16)part}, outbox, descriptors, passed)) {
        return; /* later, or the connection has ended and the job with it */
    }
    hand_over(connection, descriptors, count);
    if (job->header.mode == EXECUTION && count > 0) {
        job->pidfd = -1;
    }
    job->sent += part;
    if (more) {
        return;
    }
    connection->results = job->next;
    if (!connection->results) {
        connection->results_end = &connection->results;
    }
    free_result(job);
}

/* Sends what is to be sent, as far as the socket takes it. */
static void flush(struct connection *connection) {
    while (connection->open && !connection->stalled) {
        if (connection->results) {
            send_result(connection);
        } else if (connection->attention) {
            connection->attention = 0;
            for (u32 i = 0; i < executions_end && connection->open; i++) {
                if (connection->stalled) {
                    connection->attention = 1;
                    return;
                }
                if (executions[i].used) {
                    tell(connection, &executions[i]);
                }
            }
            /* The last one may have been told in part. */
            connection->attention |= connection->stalled;
        } else {
            return;
        }
    }
}

/* The list is done, or refused: its descriptors go, its RESULT is due. */
static void finish(struct job *job) {
    release_descriptors(job);
    job->result_length = result_length(job);
    job->next = 0;
    if (job->execution && job->failed != -1) {
        if (job->failed != -2) {
            write_record(job->execution, ENDED);
        }
        drop_execution(job->execution);
        job->execution = 0;
    }
    if (job->connection < 0) {
        free_result(job);
        return;
    }
    struct connection *connection = &connections[job->connection];
    *connection->results_end = job;
    connection->results_end = &job->next;
    flush(connection);
}

/* Copies, so that one descriptor can be several streams, as a terminal is, and the list's own can all be closed. */
static i32 keep(const struct job *job, i32 index, i32 *error) {
    if (index < 0) {
        return -1;
    }
    i64 copy = CALL3(__NR_fcntl, job->descriptors[index], F_DUPFD_CLOEXEC, 3);
    if (is_error(copy)) {
        *error = (i32)-copy;
        return -1;
    }
    return (i32)copy;
}

static i32 prepare_execution(struct job *job) {
    struct execution *execution = job->execution;
    i32 error = 0;
    execution->record = keep(job, job->header.record, &error);
    execution->cgroup_kill = keep(job, job->header.cgroup_kill, &error);
    for (int which = INPUT; which <= ERROR; which++) {
        struct stream *stream = &execution->streams[which];
        stream->descriptor = keep(job, job->header.ours[which], &error);
        if (stream->descriptor >= 0) {
            i64 flags = CALL2(__NR_fcntl, stream->descriptor, F_GETFL);
            CALL3(__NR_fcntl, stream->descriptor, F_SETFL, flags | O_NONBLOCK);
        }
    }
    return error;
}

static void start(struct job *job, u32 slot) {
    i32 error = job->execution ? prepare_execution(job) : 0;
    if (error) {
        refuse(job, error);
    } else {
        spawn_child(job);
    }
    if (job->failed == -2) {
        finish(job);
        return;
    }
    running[slot] = job;
    if (job->started >= 0) {
        poll_control(EPOLL_CTL_ADD, job->started, EPOLLIN, STARTED, slot);
    }
    struct execution *execution = job->execution;
    if (execution) {
        execution->pid = job->pid;
        execution->started = nanoseconds(CLOCK_REALTIME);
    }
}

static void start_waiting(void) {
    for (u32 slot = 0; slot < RUNNING_JOBS && waiting; slot++) {
        while (!running[slot] && waiting) {
            struct job *job = waiting;
            waiting = job->next;
            if (!waiting) {
                waiting_end = &waiting;
            }
            start(job, slot);
        }
    }
}

/* The child has left our memory: by its execve or for ever. */
static void settle(struct job *job) {
    for (u32 slot = 0; slot < RUNNING_JOBS; slot++) {
        if (running[slot] == job) {
            running[slot] = 0;
        }
    }
    if (job->started >= 0) { /* another child may have a copy, so closing it does not take it out of epoll */
        poll_control(EPOLL_CTL_DEL, job->started, 0, STARTED, 0);
        close_descriptor(job->started);
        job->started = -1;
    }
    judge(job);
    struct execution *execution = job->execution;
    if (execution && job->failed == -1) {
        write_record(execution, RUNNING);
        if (execution->timeout) { /* its own time: what the list took is not taken from it */
            execution->deadline = milliseconds() + execution->timeout + 1; /* not early */
            set_timer(execution->deadline);
        }
    }
    finish(job);
    start_waiting();
}

static void child_started(struct job *job) {
    u8 byte;
    if (!job || job->started < 0 || CALL3(__NR_read, job->started, &byte, 1) == -EAGAIN) {
        return;
    }
    if (job->thread != 0) { /* the list closed the pipe itself: what it does now we would not see, so it ends here */
        poll_control(EPOLL_CTL_DEL, job->started, 0, STARTED, 0);
        CALL2(__NR_kill, job->pid, SIGKILL);
        return;
    }
    if (job->outcome != UNKNOWN) { /* there was no execve; told when it is reaped: until then it keeps its control group busy */
        poll_control(EPOLL_CTL_DEL, job->started, 0, STARTED, 0);
        return;
    }
    settle(job);
}

/* What others still run would go on writing: they end first, and what they have written can be read to its end. */
static void end_all(void) {
    ending = 1;
    if (CALL1(__NR_getpid, 0) == 1) { /* else these would be the machine's */
        CALL2(__NR_kill, -1, SIGKILL);
    }
}

static void reap(void) {
    more_to_reap = 0;
    for (int count = 0; count < REAPED_AT_ONCE; count++) {
        i32 information[32] = {0}; /* siginfo: code at 2, pid at 4, status at 6 */
        i64 result = system_call(__NR_waitid, P_ALL, 0, (i64)information, WEXITED | WNOHANG | __WALL, 0, 0);
        i32 pid = information[4];
        if (is_error(result) || pid == 0) {
            return;
        }
        for (u32 slot = 0; slot < RUNNING_JOBS; slot++) {
            if (running[slot] && running[slot]->pid == pid) {
                settle(running[slot]);
                break;
            }
        }
        for (u32 i = 0; i < executions_end; i++) {
            if (executions[i].used && executions[i].pid == pid && !executions[i].reaped) {
                if (last_execution && executions[i].number == last_execution) {
                    end_all();
                }
                end_execution(&executions[i], information[2], information[6]);
                break;
            }
        }
    }
    more_to_reap = 1; /* the signal is consumed: the loop remembers */
}

/* The whole list is there: check it, then run it here, or let it wait for its turn. */
static void accept_job(struct job *job, struct connection *connection) {
    i32 error = EINVAL;
    job->connection = (i32)(connection - connections);
    if (!check_job(job)) {
        refuse(job, EINVAL);
    } else if (job->header.mode == EXECUTION && !(job->execution = new_execution(job, &error))) {
        refuse(job, error);
    } else if (job->header.mode == INLINE) {
        run_operations(job);
    } else {
        *waiting_end = job;
        waiting_end = &job->next;
        start_waiting();
        return;
    }
    finish(job);
}

/* Takes what came with the list; whether so many have come is a rule of the connection. */
static int take_descriptors(struct connection *connection, u32 count, i32 *target) {
    if (count > LIST_DESCRIPTORS || count > connection->queued) {
        return 0;
    }
    memcpy(target, connection->queue, 4 * count);
    connection->queued -= count;
    memmove(connection->queue, connection->queue + count, 4 * connection->queued);
    return 1;
}

/* The same on a channel: the list has the numbers of our descriptors, behind its relocations. Its own are copies. */
static i32 copy_descriptors(struct job *job) {
    const u8 *numbers = (const u8 *)(job->operations + job->header.operations) + 8u * job->header.relocations;
    for (u32 i = 0; i < job->header.descriptors; i++) {
        i32 number;
        memcpy(&number, numbers + 4 * i, 4);
        i64 copy = i < LIST_DESCRIPTORS ? CALL3(__NR_fcntl, number, F_DUPFD_CLOEXEC, 3) : -EINVAL;
        if (is_error(copy)) {
            return (i32)-copy;
        }
        job->descriptors[job->descriptor_count++] = (i32)copy;
    }
    return 0;
}

/* Keeps a list for the time when nobody is heard any more, instead of the one before. */
static void leave(struct job *job, struct connection *connection) {
    i32 result[2] = {-1, 0};
    if (job->header.mode != INLINE || !check_job(job)) {
        result[0] = -2;
        result[1] = EINVAL;
    }
    u32 request = job->request;
    if (result[0] == -1 && left) {
        free_job(left);
    }
    if (result[0] == -1) {
        left = job;
    } else {
        free_job(job);
    }
    send_frame(connection, (struct frame){request, RESULT, 0, sizeof result}, result, 0, 0);
}

static int receive_list(struct connection *connection, const struct frame *frame, const u8 *bytes) {
    u32 length = frame->length;
    if (connection->header_received > 0 && connection->request != frame->stream) {
        return 0;
    }
    connection->request = frame->stream;
    u8 leaving = (frame->flags & LEAVE) != 0;
    if (connection->header_received > 0 && leaving != connection->leaving) {
        return 0;
    }
    connection->leaving = leaving;
    u32 missing = sizeof connection->header - connection->header_received;
    if (missing > 0 && length > 0) {
        u32 part = missing < length ? missing : length;
        memcpy((u8 *)&connection->header + connection->header_received, bytes, part);
        connection->header_received += part;
        bytes += part;
        length -= part;
        if (part == missing) {
            connection->receiving = new_job(&connection->header, &connection->discard_error);
        }
    }
    struct job *job = connection->receiving;
    if (job && length > job->header.total - job->received) {
        connection->discard_error = EINVAL;
        free_job(job);
        job = connection->receiving = 0;
    }
    if (job) {
        memcpy(job->list + job->received, bytes, length);
        job->received += length;
    }
    if (frame->flags & MORE) {
        return connection->header_received > 0;
    }
    u32 whole = connection->header_received == sizeof connection->header;
    connection->header_received = 0;
    connection->receiving = 0;
    i32 descriptors[LIST_DESCRIPTORS];
    u32 count = whole && !is_channel(connection) ? connection->header.descriptors : 0;
    if (!take_descriptors(connection, count, descriptors)) {
        if (job) {
            free_job(job);
        }
        return 0;
    }
    if (job && job->received == job->header.total) {
        job->request = frame->stream;
        memcpy(job->descriptors, descriptors, 4 * count);
        job->descriptor_count = count;
        i32 error = is_channel(connection) ? copy_descriptors(job) : 0;
        if (leaving && !error) {
            leave(job, connection);
            return 1;
        }
        if (!error) {
            accept_job(job, connection);
            return 1;
        }
        free_job(job);
        job = 0;
        connection->discard_error = error;
    }
    for (u32 i = 0; i < count; i++) {
        close_descriptor(descriptors[i]);
    }
    i32 result[2] = {-2, !job && whole ? connection->discard_error : EINVAL};
    if (job) {
        free_job(job);
    }
    send_frame(connection, (struct frame){frame->stream, RESULT, 0, sizeof result}, result, 0, 0);
    return 1;
}

static int greet(struct connection *connection, const struct frame *frame, const u8 *bytes) {
    struct {
        struct greeting greeting;
        u32 version, machine, pid, executions;
        char release[65];
    } answer = {{{0}, 0}, VERSION, MACHINE, (u32)CALL1(__NR_getpid, 0), executions_alive, {0}};
    char names[6][65];
    if (frame->length != sizeof answer.greeting || memcmp(bytes, GREETING, 8) != 0) {
        return 0;
    }
    memcpy(&answer.greeting, bytes, sizeof answer.greeting);
    CALL1(__NR_uname, names);
    u16 length = 0;
    while (length < 64 && names[2][length]) {
        answer.release[length] = names[2][length];
        length++;
    }
    send_frame(connection, (struct frame){frame->stream, HELLO, 0, (u16)(32 + length)}, &answer, 0, 0);
    return 1;
}

static void attach_connection(struct connection *connection, u32 number) {
    i32 index = (i32)(connection - connections);
    struct execution *execution = find_execution(number);
    if (!execution || !execution->announced) {
        i32 error = ESRCH;
        send_frame(connection, (struct frame){number, END, WHOLE, 4}, &error, 0, 0);
        return;
    }
    struct connection *former = attached(execution);
    execution->lost &= ~(1ull << index);
    attach(execution, index);
    if (former && former != connection) {
        execution->lost |= 1ull << (former - connections);
        former->attention = 1;
        flush(former);
    }
    struct {
        i32 pid;
        u32 zero;
        u64 output, error;
    } answer = {execution->pid, 0, execution->streams[OUTPUT].bytes, execution->streams[ERROR].bytes};
    send_frame(connection, (struct frame){number, ATTACHED, 0, sizeof answer}, &answer, 0, 0);
}

static int receive_for_execution(struct connection *connection, const struct frame *frame, const u8 *bytes) {
    struct execution *execution = find_execution(frame->stream);
    int is_attached = execution && execution->connection == connection - connections;
    i32 words[2] = {0};
    memcpy(words, bytes, frame->length < sizeof words ? frame->length : sizeof words);
    switch (frame->kind) {
        case DATA:
            if (is_attached && !execution->closing && execution->streams[INPUT].descriptor >= 0) {
                if (frame->length > execution->streams[INPUT].credit) {
                    return 0;
                }
                execution->streams[INPUT].credit -= frame->length;
                take_input(execution, bytes, frame->length);
            }
            return frame->flags == INPUT;
        case CREDIT:
            if (frame->length != 4 || (frame->flags != OUTPUT && frame->flags != ERROR)) {
                return 0;
            }
            if (is_attached) {
                execution->streams[frame->flags].credit += (u32)words[0];
                if (execution->reaped) {
                    drain(execution);
                    flush(connection);
                }
                watch_outputs(execution);
            }
            return 1;
        case END:
            if (is_attached) {
                execution->closing = 1;
                if (execution->announced) {
                    pump_input(execution);
                }
            }
            return frame->length == 4 && frame->flags == INPUT;
        case ATTACH:
            attach_connection(connection, frame->stream);
            return frame->length == 0;
        case DETACH:
            if (is_attached) {
                detach(execution);
            }
            return frame->length == 0;
        case RESIZE:
            if (execution && frame->length == 4) {
                u16 size[4] = {(u16)((u32)words[0] >> 16), (u16)words[0], 0, 0}; /* rows come first there */
                for (int which = INPUT; which <= OUTPUT; which++) {
                    CALL3(__NR_ioctl, execution->streams[which].descriptor, TIOCSWINSZ, size);
                }
            }
            return frame->length == 4;
        default: /* SIGNAL */
            if (frame->length != 8 || (words[1] & ~1)) {
                return 0;
            }
            if (execution && execution->pid > 1 && !execution->reaped) {
                CALL2(__NR_kill, words[1] ? -execution->pid : execution->pid, words[0]);
            }
            return 1;
    }
}

static int set_lifetime(const struct frame *frame, const u8 *bytes) {
    u64 times[2];
    u32 words[2];
    if (frame->length != sizeof times + sizeof words || frame->stream != 0) {
        return 0;
    }
    memcpy(times, bytes, sizeof times);
    memcpy(words, bytes + sizeof times, sizeof words);
    if (words[1]) {
        return 0;
    }
    last_execution = words[0];
    const u64 longest = 1ull << 50; /* so that no sum overflows */
    life_over = times[0] ? milliseconds() + (times[0] < longest ? times[0] : longest) : 0;
    idle_time = times[1] < longest ? times[1] : longest;
    idle_over = 0;
    set_timer(life_over);
    return 1;
}

static void cancel_request(struct connection *connection, u32 request) {
    i32 index = (i32)(connection - connections);
    struct job *job = take_waiting(index, &request);
    if (job) {
        job->execution = 0;
        refuse(job, ECANCELED);
        finish(job);
    }
    for (u32 slot = 0; slot < RUNNING_JOBS; slot++) {
        if (running[slot] && running[slot]->connection == index && running[slot]->request == request) {
            cancel(running[slot]);
        }
    }
}

/* The descriptor that came with it is a further connection; without room for one it is closed. */
static int take_connection(struct connection *connection, const struct frame *frame) {
    i32 descriptor;
    if (frame->length != 0 || !take_descriptors(connection, 1, &descriptor)) {
        return 0;
    }
    admit(descriptor);
    return 1;
}

static i32 socket_option(i32 descriptor, i32 option) {
    i32 value = 0, length = sizeof value;
    i64 result = system_call(__NR_getsockopt, descriptor, SOL_SOCKET_, option, (i64)&value, (i64)&length, 0);
    return is_error(result) ? -1 : value;
}

static int has_door(void) {
    return socket_option(DOOR, SO_ACCEPTCONN_) == 1;
}

static void open_door(void) {
    if (has_door()) {
        CALL3(__NR_fcntl, DOOR, F_SETFL, CALL2(__NR_fcntl, DOOR, F_GETFL) | O_NONBLOCK);
        poll_control(EPOLL_CTL_ADD, DOOR, EPOLLIN, LISTENER, 0);
    }
}

/* The descriptor that came with it is where further connections come from; if there is a place for that already, it is closed. */
static int take_listener(struct connection *connection, const struct frame *frame) {
    i32 descriptor;
    if (frame->length != 0 || !take_descriptors(connection, 1, &descriptor)) {
        return 0;
    }
    if (socket_option(descriptor, SO_ACCEPTCONN_) == 1 && !has_door()) {
        CALL3(__NR_dup3, descriptor, DOOR, O_CLOEXEC);
        open_door();
    }
    close_descriptor(descriptor);
    return 1;
}

static int close_handles(const struct frame *frame, const u8 *bytes) {
    for (u32 at = 0; at + 4 <= frame->length; at += 4) {
        u32 number;
        memcpy(&number, bytes + at, 4);
        close_handle(number);
    }
    return frame->length % 4 == 0;
}

static int set_silence(const struct frame *frame, const u8 *bytes) {
    if (frame->length != sizeof silence) {
        return 0;
    }
    u64 limit;
    memcpy(&limit, bytes, sizeof limit);
    if (limit >= 1ull << 50) { /* so that no sum overflows */
        return 0;
    }
    silence = limit;
    set_timer(silence ? heard + silence : 0);
    return 1;
}

/* Which executions are there: what nobody has seen the end of, among them. */
static int list_executions(struct connection *connection, const struct frame *frame) {
    struct {
        u32 number;
        i32 pid;
    } *alive = (void *)outbox;
    u32 count = 0;
    for (u32 i = 0; i < executions_end; i++) {
        const struct execution *execution = &executions[i];
        if (execution->used && execution->number && execution->announced) {
            alive[count].number = execution->number;
            alive[count++].pid = execution->reaped ? 0 : execution->pid;
        }
    }
    send_frame(connection, (struct frame){frame->stream, ALIVE, 0, (u16)(8 * count)}, outbox, 0, 0);
    return frame->length == 0;
}

/* What only a channel needs; on a socket it breaks the rules. */
static int receive_from_machine(struct connection *connection, const struct frame *frame, const u8 *bytes) {
    switch (is_channel(connection) ? frame->kind : 0) {
        case CLOSE:
            return close_handles(frame, bytes);
        case SILENCE:
            return set_silence(frame, bytes);
        case ALIVE:
            return list_executions(connection, frame);
        default:
            return 0;
    }
}

/* Whether the frame keeps to the rules. */
static int receive_frame(struct connection *connection, const struct frame *frame, const u8 *bytes) {
    int may_have_flags = frame->kind == DATA || frame->kind == CREDIT || frame->kind == END;
    u8 of_list = is_channel(connection) ? MORE | LEAVE : MORE;
    if (frame->kind == RUN ? frame->flags & ~of_list : frame->flags && !may_have_flags) {
        return 0;
    }
    switch (frame->kind) {
        case HELLO:
            return greet(connection, frame, bytes);
        case PING:
            if (frame->length > PING_SIZE) {
                return 0;
            }
            send_frame(connection, (struct frame){frame->stream, PONG, 0, frame->length}, bytes, 0, 0);
            return 1;
        case RUN:
            return receive_list(connection, frame, bytes);
        case DATA:
        case CREDIT:
        case END:
        case ATTACH:
        case DETACH:
        case RESIZE:
        case SIGNAL:
            return receive_for_execution(connection, frame, bytes);
        case LIFETIME:
            return set_lifetime(frame, bytes);
        case CANCEL:
            cancel_request(connection, frame->stream);
            return frame->length == 0;
        case CONNECT:
            return take_connection(connection, frame);
        case LISTEN:
            return take_listener(connection, frame);
        default:
            return receive_from_machine(connection, frame, bytes);
    }
}

/* Reads behind the bytes that are in the inbox already; their number, 0 none for now, negative: the connection is over. */
static i64 receive_bytes(struct connection *connection, u32 length) {
    struct {
        u64 length;
        i32 level, type;
        i32 descriptors[LIST_DESCRIPTORS];
    } control;
    struct io_vector vector = {inbox + length, sizeof inbox - length};
    struct message message = {
        .vectors = &vector, .vector_count = 1, .control = &control, .control_length = sizeof control};
    i64 received = CALL3(__NR_recvmsg, connection->descriptor, &message, MSG_DONTWAIT_ | MSG_CMSG_CLOEXEC_);
    if (received == -EAGAIN || received == -EINTR) {
        return 0;
    }
    if (is_error(received)) {
        return -1;
    }
    u32 count = 0;
    if (message.control_length >= 16 && control.level == SOL_SOCKET_ && control.type == SCM_RIGHTS_) {
        count = (u32)(control.length - 16) / 4;
    }
    int too_many = connection->queued + count > QUEUED_DESCRIPTORS || (message.flags & MSG_CTRUNC_);
    for (u32 i = 0; i < count; i++) {
        if (too_many) {
            close_descriptor(control.descriptors[i]);
        } else {
            connection->queue[connection->queued++] = control.descriptors[i];
        }
    }
    return too_many || received == 0 ? -1 : received;
}

/* How many of the bytes in the inbox are done with; negative: the connection is over, as it broke the rules. */
static i64 take_frames(struct connection *connection, u32 length) {
    u32 at = 0;
    while (connection->open && !connection->stalled && length - at >= sizeof(struct frame)) {
        struct frame frame;
        memcpy(&frame, inbox + at, sizeof frame);
        if (frame.length > FRAME_SIZE) {
            return -1;
        }
        if (length - at < sizeof frame + frame.length) {
            break;
        }
        if (!receive_frame(connection, &frame, inbox + at + sizeof frame)) {
            return -1;
        }
        at += sizeof frame + frame.length;
        flush(connection);
    }
    return at;
}

/* A session begins. Asked for once more it is the same one. */
static void begin_session(struct connection *connection, const struct frame *frame, const u8 *bytes, u64 nonce) {
    if (!connection->greeted || connection->nonce != nonce) {
        end_connection(connection);
        open_channel();
        connection->greeted = 1;
        connection->nonce = nonce;
    }
    greet(connection, frame, bytes);
}

/* The same on a channel. What broke off there is completed by what the next session sends first, zeros, and then lacks the mark
 * of its own session. It is passed over as a whole: what stands in it is not looked at. */
static i64 take_marked_frames(struct connection *connection, u32 length) {
    u32 at = 0;
    while (connection->open && !connection->stalled && length - at >= sizeof(struct frame)) {
        struct frame frame;
        struct greeting greeting;
        const u8 *payload = inbox + at + sizeof frame;
        memcpy(&frame, inbox + at, sizeof frame);
        if (frame.kind == HELLO && frame.length == sizeof greeting) {
            if (length - at < sizeof frame + sizeof greeting) {
                break;
            }
            memcpy(&greeting, payload, sizeof greeting);
            if (memcmp(greeting.magic, GREETING, 8) == 0 && (u32)greeting.nonce != 0) {
                begin_session(connection, &frame, payload, greeting.nonce);
                at += sizeof frame + sizeof greeting;
                flush(connection);
                continue;
            }
        }
        if (!connection->greeted || frame.length > FRAME_SIZE) {
            if (connection->greeted) {
                end_connection(connection);
                open_channel();
            }
            at++;
            continue;
        }
        if (length - at < sizeof frame + frame.length + MARK) {
            break;
        }
        at += sizeof frame + frame.length + MARK;
        if (memcmp(payload + frame.length, &connection->nonce, MARK) != 0 || !receive_frame(connection, &frame, payload)) {
            end_connection(connection);
            open_channel();
        }
        flush(connection);
    }
    return at;
}

static i64 receive_more(struct connection *connection, u32 length) {
    if (!is_channel(connection)) {
        return receive_bytes(connection, length);
    }
    i64 received = read_channel(connection->descriptor, inbox + length, sizeof inbox - length);
    if (received > 0) {
        heard = milliseconds();
    }
    /* Perhaps there is more, but others have their turn; the end of a socket, too, is told once. */
    if (received == (i64)(sizeof inbox - length) || (received > 0 && channel == SOCKET_CHANNEL)) {
        watch_connection(connection, EPOLLIN);
    }
    return received;
}

static void receive(struct connection *connection) {
    u32 length = connection->held_length;
    if (connection->held) {
        memcpy(inbox, connection->held, length);
        give_block(connection->held);
        connection->held = 0;
        connection->held_length = 0;
    }
    if (length < sizeof inbox) {
        i64 received = receive_more(connection, length);
        if (received < 0) {
            break_off(connection);
            return;
        }
        length += (u32)received;
    }
    i64 at = is_channel(connection) ? take_marked_frames(connection, length) : take_frames(connection, length);
    if (at < 0) {
        end_connection(connection);
    }
    if (!connection->open) {
        return;
    }
    if (at == length) {
        if (connection->queued > 0 && connection->header_received == 0) { /* the bytes that they came with are all used up */
            end_connection(connection);
        }
        return;
    }
    connection->held = take_block();
    if (!connection->held) {
        end_connection(connection);
        return;
    }
    memcpy(connection->held, inbox + at, length - (u32)at);
    connection->held_length = length - (u32)at;
}

/* The socket has room again. */
static void resume(struct connection *connection) {
    u32 index = (u32)(connection - connections);
    if (connection->pending) {
        struct io_vector vector = {connection->pending + connection->pending_start,
                                   connection->pending_end - connection->pending_start};
        struct message message = {.vectors = &vector, .vector_count = 1};
        i64 sent = is_channel(connection)
                       ? write_channel(connection->descriptor, vector.base, vector.length)
                       : CALL3(__NR_sendmsg, connection->descriptor, &message, MSG_DONTWAIT_ | MSG_NOSIGNAL_);
        if (sent == -EAGAIN) {
            return;
        }
        if (is_error(sent)) {
            break_off(connection);
            return;
        }
        connection->pending_start += (u32)sent;
        if (connection->pending_start < connection->pending_end) {
            return;
        }
        give_block(connection->pending);
        connection->pending = 0;
    }
    connection->stalled = 0;
    for (u32 i = 0; i < executions_end && !connection->stalled; i++) {
        if (executions[i].used && executions[i].reaped && executions[i].connection == (i32)index) {
            drain(&executions[i]);
        }
    }
    flush(connection);
    if (connection->open && !connection->stalled && connection->held) {
        receive(connection);
    }
    if (!connection->open || connection->stalled) {
        return;
    }
    watch_connection(connection, EPOLLIN);
    for (u32 i = 0; i < executions_end; i++) {
        if (executions[i].used && executions[i].connection == (i32)index) {
            watch_outputs(&executions[i]);
        }
    }
}

static void accept_connection(void) {
    i64 descriptor = CALL4(__NR_accept4, DOOR, 0, 0, O_CLOEXEC);
    if (descriptor == -EAGAIN) {
        return;
    }
    if (is_error(descriptor)) { /* mostly no descriptor is free, and it would be told again and again */
        poll_control(EPOLL_CTL_DEL, DOOR, 0, LISTENER, 0);
        accepting_paused = 1;
        accept_again = milliseconds() + ACCEPT_AGAIN;
        set_timer(accept_again);
        return;
    }
    admit((i32)descriptor);
}

/* The kernel tells that memory is short before it kills, so a victim may show up a moment later; or none, if some is found. */
static void look_for_victims(void) {
    static const char key[] = "\noom_kill ";
    char text[512];
    i64 length = CALL4(__NR_pread64, VICTIMS, text, sizeof text, 0);
    for (i64 i = 0; i + (i64)sizeof key <= length; i++) {
        if (memcmp(text + i, key, sizeof key - 1) == 0 && text[i + (i64)sizeof key - 1] != '0') {
            END_BECAUSE("memory"); /* one was killed, so all are */
        }
    }
    look_again = looks > 0 ? milliseconds() + LOOK_AGAIN : 0;
    looks -= looks > 0;
}

/* Does what is due, and finds out when to look again. */
static void run_timers(void) {
    u64 now = milliseconds();
    next_deadline = 0;
    if (life_over && now >= life_over) {
        END_BECAUSE("lifetime");
    }
    if (idle_over && now >= idle_over) {
        END_BECAUSE("idle");
    }
    if (look_again && now >= look_again) {
        look_for_victims();
    }
    if (silence && now >= heard + silence) {
        run_left();
    }
    if (accepting_paused && now >= accept_again) {
        accepting_paused = 0;
        poll_control(EPOLL_CTL_ADD, DOOR, EPOLLIN, LISTENER, 0);
    }
    for (u32 i = 0; i < executions_end; i++) {
        struct execution *execution = &executions[i];
        if (execution->used && execution->deadline && now >= execution->deadline) {
            run_out_of_time(execution, now);
        }
        set_timer(execution->used ? execution->deadline : 0);
    }
    set_timer(life_over);
    set_timer(idle_over);
    set_timer(accepting_paused ? accept_again : 0);
    set_timer(look_again);
    set_timer(silence ? heard + silence : 0);
}

static i64 time_to_wait(void) {
    int is_idle = idle_time && !connection_count && !executions_alive && !job_count;
    if (is_idle && !idle_over) {
        idle_over = milliseconds() + idle_time;
        set_timer(idle_over);
    } else if (!is_idle) {
        idle_over = 0;
    }
    if (more_to_reap) {
        return 0;
    }
    if (!next_deadline) {
        return memory_used ? QUIET : -1;
    }
    u64 now = milliseconds();
    u64 left = next_deadline > now ? next_deadline - now : 0;
    u64 longest = memory_used ? QUIET : 1000000;
    return (i64)(left < longest ? left : longest);
}

/* What is kept only to be quick holds nothing between two events. */
static void release_memory(void) {
    forget_kept_blocks();
    release_pages(inbox, sizeof inbox);
    release_pages(outgoing, sizeof outgoing);
    if (executions_end == 0) {
        release_pages(executions, sizeof executions);
    }
}

static void handle(const struct epoll_event *event, int streams) {
    u32 index = (u32)event->data;
    enum event_kind kind = event->data >> 32;
    u8 information[128];
    if (streams != (kind == STREAM)) {
        return;
    }
    switch (kind) {
        case LISTENER:
            accept_connection();
            break;
        case SIGNALS:
            CALL3(__NR_read, signals, information, sizeof information);
            more_to_reap = 1;
            break;
        case MEMORY:
            CALL3(__NR_read, SHORTAGE, information, 8);
            looks = LOOKS;
            look_for_victims();
            set_timer(look_again);
            break;
        case CONNECTION:
            /* Whether it hung up is what the calls say: the place may be another connection's since the event. */
            if (is_channel(&connections[index]) && !connections[index].open) {
                open_channel();
            }
            if (connections[index].open) {
                (connections[index].stalled ? resume : receive)(&connections[index]);
            }
            break;
        case STARTED:
            child_started(running[index]);
            break;
        case STREAM:
            if (executions[index / 4].used && index % 4 == INPUT) {
                pump_input(&executions[index / 4]);
                if (attached(&executions[index / 4])) {
                    flush(attached(&executions[index / 4]));
                }
            } else if (executions[index / 4].used) {
                pump_output(&executions[index / 4], (int)(index % 4));
            }
            break;
    }
}

static void set_up(int watches_memory) {
    const u64 all = ~0ull, children = 1ull << (SIGCHLD - 1), by_default[4] = {0};
    CALL2(__NR_prctl, PR_SET_DUMPABLE, 0);
    CALL2(__NR_prctl, PR_SET_NAME, "cay-init"); /* not that of the file in memory that it was executed from */
    CALL4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
    for (i32 signal = 1; signal <= 64; signal++) { /* what we inherit as ignored would stay so in all that we start */
        CALL4(__NR_rt_sigaction, signal, by_default, 0, sizeof all);
    }
    if (CALL1(__NR_getpid, 0) != 1) {
        CALL2(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
    }
    for (i32 i = 0; i < (watches_memory ? 5 : 3); i++) { /* what is opened later must not be taken for one of these */
        if (is_error(CALL3(__NR_fcntl, i, F_SETFD, FD_CLOEXEC))) {
            exit_with(2, "", 0);
        }
    }
    epoll = (i32)CALL1(__NR_epoll_create1, EPOLL_CLOEXEC);
    signals = (i32)CALL4(__NR_signalfd4, -1, &children, sizeof children, O_CLOEXEC | O_NONBLOCK);
    if (epoll < 0 || is_error(poll_control(EPOLL_CTL_ADD, signals, EPOLLIN, SIGNALS, 0))) {
        DIE("stub: no epoll\n");
    }
    if (watches_memory) {
        CALL3(__NR_fcntl, SHORTAGE, F_SETFL, CALL2(__NR_fcntl, SHORTAGE, F_GETFL) | O_NONBLOCK);
        poll_control(EPOLL_CTL_ADD, SHORTAGE, EPOLLIN, MEMORY, 0);
    }
    waiting_end = &waiting;
}

/* Holds the namespaces it is in, visible to its owner, until the other end of descriptor 0 is closed. */
_Noreturn static void hold(void) {
    u8 byte;
    CALL3(__NR_read, 0, &byte, 1);
    exit_with(0, "", 0);
}

/* As the first process of a kernel it comes to its channel by itself; else that is descriptor 0. */
static void open_machine(void) {
    channel = socket_option(0, SO_TYPE_) == STREAM_SOCKET ? SOCKET_CHANNEL : PORT_CHANNEL;
    i32 port = channel == SOCKET_CHANNEL ? 0 : boot();
    set_up(0);
    CALL3(__NR_fcntl, port, F_SETFL, CALL2(__NR_fcntl, port, F_GETFL) | O_NONBLOCK);
    connections[0].descriptor = port;
    if (is_error(poll_control(EPOLL_CTL_ADD, port, EPOLLIN | EPOLLET, CONNECTION, 0))) {
        DIE("stub: no channel\n");
    }
    ends_with_connection_0 = 0;
    open_channel();
}

/* How it is started, see design/002-stub.md. */
static void begin_with(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    int attached_to_0 = text_length(how) == 8 && memcmp(how, "attached", 8) == 0;
    int detached = text_length(how) == 8 && memcmp(how, "detached", 8) == 0;
    if (count == 2 && memcmp(how, "hold", 5) == 0) {
        hold();
    }
    if (socket_option(0, SO_TYPE_) == STREAM_SOCKET ? count == 2 && memcmp(how, "machine", 8) == 0
                                                    : !attached_to_0 && !detached && is_first_of_kernel()) {
        open_machine();
        return;
    }
    int watches_memory = count == 3 && memcmp(arguments[2], "memory", 7) == 0;
    set_up(watches_memory);
    if (count != (watches_memory ? 3 : 2) || (!attached_to_0 && !detached)) {
        DIE("stub: attached or detached?\n");
    }
    if (socket_option(0, SO_TYPE_) == STREAM_SOCKET && socket_option(0, SO_ACCEPTCONN_) == 0) {
        add_connection(0, 0);
    }
    ends_with_connection_0 = (u8)attached_to_0;
    if (ends_with_connection_0 && connection_count == 0) {
        DIE("stub: attached to what?\n");
    }
    open_door();
}

_Noreturn static void stub(int count, char **arguments) {
    static struct epoll_event events[EVENTS];
    begin_with(count, arguments);
    more_to_reap = 1;
    for (;;) {
        i64 number = system_call(__NR_epoll_pwait, epoll, (i64)events, EVENTS, time_to_wait(), 0, 8);
        if (number == 0 && memory_used) {
            release_memory();
        }
        memory_used = number != 0;
        for (i64 i = 0; i < number; i++) { /* bulk comes last */
            handle(&events[i], 0);
        }
        if (more_to_reap) {
            reap();
        }
        for (i64 i = 0; i < number; i++) {
            handle(&events[i], 1);
        }
        if (next_deadline && milliseconds() >= next_deadline) {
            run_timers();
        }
        if (ending && !find_execution(last_execution)) {
            END_BECAUSE("command");
        }
    }
}
