/* What the stub knows, and its connections: how they begin and end, and how frames are sent to them. One whose socket is full is
 * "stalled": it is not read, and what it is to be told is kept as state, not as a queue; so memory is bounded whatever it does. */

enum { DOOR = 1, MESSAGES = 2, SHORTAGE = 3, VICTIMS = 4 };
enum { HANDLES = 65536, MARK = 4 /* bytes of it behind a frame of a channel */ };
enum { EVENTS = 32, REAPED_AT_ONCE = 64, ACCEPT_AGAIN = 100, QUIET = 1000, LOOK_AGAIN = 5, LOOKS = 100 };

static u8 inbox[2 * FRAME_SIZE] __attribute__((aligned(LARGEST_PAGE)));
static struct job *running[RUNNING_JOBS], *waiting, **waiting_end;
static i32 signals;
static u32 connection_count; /* of channels those that have a session which is no onlooker's */
static u32 channel_count;    /* the first places of the connections are theirs */
static u8 ends_with_connection_0, more_to_reap, accepting_paused, memory_used;
static u64 accept_again, life_over, idle_time, idle_over, look_again; /* milliseconds, 0: never */
static u32 last_execution, looks; /* last: with whose end it ends, 0: none; looks: how many are left */
static u8 ending;                 /* the last execution has been reaped */
static u8 handles[HANDLES]; /* for each descriptor that is kept for the session of a channel its place + 1 */
static u32 handles_end;     /* none is kept from here on */
static u64 silence, heard;  /* milliseconds of silence on all channels until the list that was left is run; 0: never */
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
    return channel && connection < connections + channel_count;
}

/* On a channel an edge is told, once more whenever it is asked for: one whose other end is gone is always ready. */
static void watch_connection(const struct connection *connection, u32 events) {
    poll_control(EPOLL_CTL_MOD, connection->descriptor, is_channel(connection) ? events | EPOLLET : events, CONNECTION,
                 (u32)(connection - connections));
}

/* Whether the descriptor is kept for the session of this channel; then it is no more. */
static int take_handle(const struct connection *connection, u32 number) {
    int is_kept = number < handles_end && handles[number] == connection - connections + 1;
    if (is_kept) {
        handles[number] = 0;
    }
    return is_kept;
}

static void close_handle(const struct connection *connection, u32 number) {
    if (take_handle(connection, number)) {
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
        for (u32 number = 0; number < handles_end; number++) {
            close_handle(connection, number);
        }
    } else { /* Children before their execve have copies of what we close, which must not keep it up, nor in epoll. */
        poll_control(EPOLL_CTL_DEL, connection->descriptor, 0, CONNECTION, 0);
        CALL2(__NR_shutdown, connection->descriptor, SHUT_BOTH);
    }
    connection_count -= !is_channel(connection) || (connection->greeted && !connection->looks_on);
    if (is_channel(connection)) {
        connection->greeted = 0;
    } else if (connection->descriptor == 0) { /* stays taken: what a list brings along must not become a standard stream of its own */
        CALL3(__NR_dup3, 2, 0, O_CLOEXEC);
    } else {
        close_descriptor(connection->descriptor);
    }
    connection->open = 0;
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
static void open_channel(struct connection *connection) {
    i32 descriptor = connection->descriptor;
    memset(connection, 0, sizeof *connection);
    connection->descriptor = descriptor;
    connection->open = 1;
    connection->results_end = &connection->results;
    watch_connection(connection, EPOLLIN);
}

/* Whether there is one more; else its descriptor is closed. */
static int add_channel(i32 descriptor) {
    struct connection *connection = &connections[channel_count];
    CALL3(__NR_fcntl, descriptor, F_SETFL, CALL2(__NR_fcntl, descriptor, F_GETFL) | O_NONBLOCK);
    if (channel_count == CONNECTIONS
        || is_error(poll_control(EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLET, CONNECTION, channel_count))) {
        close_descriptor(descriptor);
        return 0;
    }
    channel_count++;
    connection->descriptor = descriptor;
    open_channel(connection);
    return 1;
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

/* Nobody is at the other end any more. Of the first channel, if it has an end, that is ours. */
static void break_off(struct connection *connection) {
    if (is_channel(connection) && connection == connections && channel == SOCKET_CHANNEL) {
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
            u32 number = (u32)descriptors[i];
            handles[number] = (u8)(connection - connections + 1);
            handles_end = number < handles_end ? handles_end : number + 1;
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
