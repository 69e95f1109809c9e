/* What the frames of a connection ask for. A function that answers 0 has seen a rule broken, which ends the connection. */

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

/* The descriptor that came with it is a further connection, that which a channel's session names a further channel; without room
 * for one it is closed. */
static int take_connection(struct connection *connection, const struct frame *frame, const u8 *bytes) {
    i32 descriptor;
    if (is_channel(connection)) {
        u32 number;
        memcpy(&number, bytes, frame->length == sizeof number ? sizeof number : 0);
        return frame->length == sizeof number && take_handle(connection, number) && (add_channel((i32)number), 1);
    }
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

static int close_handles(const struct connection *connection, const struct frame *frame, const u8 *bytes) {
    for (u32 at = 0; at + 4 <= frame->length; at += 4) {
        u32 number;
        memcpy(&number, bytes + at, 4);
        close_handle(connection, number);
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
            return close_handles(connection, frame, bytes);
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
            return take_connection(connection, frame, bytes);
        case LISTEN:
            return take_listener(connection, frame);
        default:
            return receive_from_machine(connection, frame, bytes);
    }
}
