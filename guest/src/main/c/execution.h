/* Executions: their streams, their records, their time. */
enum { EXECUTIONS = 1024, CONNECTIONS = 64, QUEUED_DESCRIPTORS = 64, DRAINED_FRAMES = 32 };

struct connection {
    i32 descriptor;
    u8 open;                   /* 0: free, as all are at first, so that nothing has to be written then */
    u8 stalled;                /* the socket is full: nothing more is read from it, nor for it */
    u8 attention;              /* an execution has something to tell */
    u8 greeted;                /* on a channel: there is a session */
    u8 looks_on;               /* its session keeps nothing up */
    u32 queued;
    i32 queue[QUEUED_DESCRIPTORS];
    u64 nonce;                 /* of the session on a channel */
    u8 *pending;               /* the rest of one frame; a block, as the next */
    u32 pending_start, pending_end;
    u8 *held;                  /* frames that came, the last one perhaps in part */
    u32 held_length;
    u32 request;               /* of the list that is being received */
    u32 header_received;       /* 0: no list is being received */
    struct list_header header;
    struct job *receiving;     /* 0: it is refused already, and its fragments are passed over */
    i32 discard_error;
    u8 leaving;                /* the list that is being received is left, not run */
    struct job *results, **results_end;
};

struct stream {
    i32 descriptor;            /* -1: none or ended */
    u8 watched, ended, told;   /* ended: there was one; told: the attached connection knows */
    i32 error;
    u64 bytes, credit;         /* credit: what the connection may send us, or we it */
};

struct execution {
    u8 used, announced, reaped, exit_told, timed_out, closing, granting, draining;
    u8 looks_on;               /* an onlooker's: it keeps nothing up either */
    u32 number;
    i32 pid, code, status;
    i32 connection;            /* index, -1: nobody is attached */
    u64 lost;                  /* the connections that have not been told yet that another one took over */
    i32 record, cgroup_kill;
    u32 ring, timeout, grace;
    u64 deadline;              /* milliseconds, 0: none */
    u64 started, ended;
    u64 usage[RUSAGE];         /* its own and that of those it has waited for */
    struct stream streams[3];
    u8 *input;                 /* a block while there is any */
    u32 input_start, input_length, owed; /* owed: input that was read, so credit to be given */
};

enum event_kind { LISTENER = 1, SIGNALS, CONNECTION, STREAM, STARTED, MEMORY };

static struct connection connections[CONNECTIONS];
static struct execution executions[EXECUTIONS];
static u32 executions_end, executions_alive; /* end: none is used from here on; alive: without those of onlookers */
static i32 epoll;
static u64 next_deadline;
/* With room for a header before it: to a channel frames go in one piece. */
static u8 outgoing[LARGEST_PAGE + FRAME_SIZE] __attribute__((aligned(LARGEST_PAGE)));
static u8 *const outbox = outgoing + LARGEST_PAGE;

static int send_frame(struct connection *connection, struct frame frame, const void *payload, const i32 *descriptors, u32 count);
static void flush(struct connection *connection);
static void drop_execution(struct execution *execution);

static u64 nanoseconds(i32 clock) {
    struct time time;
    CALL2(__NR_clock_gettime, clock, &time);
    return (u64)time.seconds * 1000000000 + (u64)time.nanoseconds;
}

static u64 milliseconds(void) {
    return nanoseconds(CLOCK_BOOTTIME) / 1000000;
}

/* A port of a machine takes 32 KiB at once. */
static u32 longest_payload(void) {
    return channel ? FRAME_SIZE - sizeof(struct frame) : FRAME_SIZE;
}

static void set_timer(u64 deadline) {
    if (deadline && (!next_deadline || deadline < next_deadline)) {
        next_deadline = deadline;
    }
}

static i64 poll_control(int operation, i32 descriptor, u32 events, enum event_kind kind, u32 index) {
    struct epoll_event event = {.events = events, .data = (u64)kind << 32 | index};
    return CALL4(__NR_epoll_ctl, epoll, operation, descriptor, &event);
}

static struct connection *attached(const struct execution *execution) {
    return execution->connection < 0 ? 0 : &connections[execution->connection];
}

static struct execution *find_execution(u32 number) {
    for (u32 i = 0; number && i < executions_end; i++) {
        if (executions[i].used && executions[i].number == number) {
            return &executions[i];
        }
    }
    return 0;
}

/* Reserves the number; nothing runs yet. */
static struct execution *new_execution(const struct job *job, i32 *error) {
    struct execution *former = find_execution(job->header.execution);
    *error = EEXIST;
    if (former) {
        if (!former->announced || !former->reaped || (former->connection >= 0 && !former->exit_told)) {
            return 0;
        }
        drop_execution(former); /* only descendants write to it still, or nobody has seen yet that they do not */
    }
    *error = EAGAIN;
    u32 i = 0;
    while (i < EXECUTIONS && executions[i].used) {
        i++;
    }
    if (i == EXECUTIONS) {
        return 0;
    }
    if (i >= executions_end) {
        executions_end = i + 1;
    }
    struct execution *execution = &executions[i];
    memset(execution, 0, sizeof *execution);
    execution->used = 1;
    execution->looks_on = connections[job->connection].looks_on;
    executions_alive += !execution->looks_on;
    execution->number = job->header.execution;
    execution->connection = job->header.execution ? job->connection : -1;
    execution->record = execution->cgroup_kill = -1;
    execution->ring = job->header.ring;
    execution->timeout = job->header.timeout;
    execution->grace = job->header.grace;
    for (int which = INPUT; which <= ERROR; which++) {
        execution->streams[which].descriptor = -1;
    }
    return execution;
}

static void close_stream(struct execution *execution, int which, i32 error) {
    struct stream *stream = &execution->streams[which];
    if (stream->watched) { /* a description that somebody else holds too would go on telling */
        poll_control(EPOLL_CTL_DEL, stream->descriptor, 0, STREAM, 0);
    }
    close_descriptor(stream->descriptor);
    stream->descriptor = -1;
    stream->watched = stream->told = 0;
    stream->ended = 1;
    stream->error = error;
    if (which == INPUT && execution->input) {
        give_block(execution->input);
        execution->input = 0;
        execution->input_length = 0;
    }
    if (execution->connection >= 0) {
        attached(execution)->attention = 1;
    }
}

static void drop_execution(struct execution *execution) {
    for (int which = INPUT; which <= ERROR; which++) {
        close_stream(execution, which, 0);
    }
    close_descriptor(execution->record);
    close_descriptor(execution->cgroup_kill);
    execution->used = 0;
    executions_alive -= !execution->looks_on;
    while (executions_end > 0 && !executions[executions_end - 1].used) {
        executions_end--;
    }
}

static void kill_cgroup(const struct execution *execution) {
    if (execution->cgroup_kill >= 0) {
        CALL3(__NR_write, execution->cgroup_kill, "1", 1);
    }
}

/* To the group; before setsid there is none yet. The pid is ours until we have reaped it. */
static void signal_group(const struct execution *execution, i32 signal) {
    if (execution->pid > 1 && !execution->reaped && CALL2(__NR_kill, -execution->pid, signal) == -ESRCH) {
        CALL2(__NR_kill, execution->pid, signal);
    }
}

static void forget_if_over(struct execution *execution) {
    if (!execution->announced || !execution->reaped || execution->streams[OUTPUT].descriptor >= 0 ||
        execution->streams[ERROR].descriptor >= 0 || execution->lost) {
        return;
    }
    if (execution->connection >= 0) {
        if (!execution->exit_told) {
            return;
        }
        for (int which = OUTPUT; which <= ERROR; which++) {
            if (execution->streams[which].ended && !execution->streams[which].told) {
                return;
            }
        }
    }
    if (execution->timed_out) { /* the grace is no longer waited for, as nobody would be left to end it */
        kill_cgroup(execution);
    }
    drop_execution(execution);
}

static void write_record(const struct execution *execution, u32 state) {
    struct record record = {
        .pid = execution->pid,
        .code = execution->code,
        .status = execution->status,
        .started = execution->started,
        .ended = execution->ended,
        .timed_out = execution->timed_out,
    };
    if (execution->record >= 0) {
        CALL4(__NR_pwrite64, execution->record, &record, sizeof record, RECORD_FIELDS);
        CALL4(__NR_pwrite64, execution->record, execution->usage, sizeof execution->usage, RECORD_USAGE);
        CALL4(__NR_pwrite64, execution->record, &state, sizeof state, RECORD_STATE);
    }
}

static void write_history(struct execution *execution, int which, u32 length) {
    struct stream *stream = &execution->streams[which];
    u64 ring = execution->ring, start = RECORD_RING + (which == ERROR ? ring : 0);
    u32 done = 0;
    if (ring > 0 && ring < length) { /* only the last lap would remain */
        done = length - (u32)ring;
    }
    while (ring > 0 && done < length) {
        u64 at = (stream->bytes + done) % ring;
        u64 part = ring - at < length - done ? ring - at : length - done;
        CALL4(__NR_pwrite64, execution->record, outbox + done, part, start + at);
        done += (u32)part;
    }
    stream->bytes += length;
    if (execution->record >= 0) {
        CALL4(__NR_pwrite64, execution->record, &stream->bytes, 8, RECORD_COUNTS + (which == ERROR ? 8 : 0));
    }
}

static void watch(struct execution *execution, int which) {
    struct stream *stream = &execution->streams[which];
    if (stream->descriptor < 0 || stream->watched || !execution->announced) {
        return;
    }
    i64 result = poll_control(EPOLL_CTL_ADD, stream->descriptor, which == INPUT ? EPOLLOUT : EPOLLIN, STREAM,
                              (u32)(execution - executions) * 4 + (u32)which);
    if (is_error(result)) { /* such as a regular file */
        close_stream(execution, which, (i32)-result);
    } else {
        stream->watched = 1;
    }
}

/* What may not be read is not watched either: a hang-up would be told again and again. */
static void unwatch(struct stream *stream) {
    if (stream->watched) {
        poll_control(EPOLL_CTL_DEL, stream->descriptor, 0, STREAM, 0);
        stream->watched = 0;
    }
}

static void watch_outputs(struct execution *execution) {
    const struct connection *connection = attached(execution);
    for (int which = OUTPUT; which <= ERROR; which++) {
        if (!connection || (!connection->stalled && execution->streams[which].credit > 0)) {
            watch(execution, which);
        }
    }
}

/* One frame at most, so that all streams take turns. */
static void pump_output(struct execution *execution, int which) {
    struct stream *stream = &execution->streams[which];
    struct connection *connection = attached(execution);
    if (stream->descriptor < 0) {
        return;
    }
    u64 limit = longest_payload();
    if (connection) {
        limit = stream->credit < limit ? stream->credit : limit;
        if (connection->stalled || limit == 0) {
            unwatch(stream);
            return;
        }
    }
    i64 length = CALL3(__NR_read, stream->descriptor, outbox, limit);
    if (length == -EAGAIN || length == -EINTR) {
        return;
    }
    if (length == -EINVAL && limit < longest_payload()) { /* what has messages gives no part of one: with more credit */
        unwatch(stream);
        return;
    }
    if (length <= 0) { /* EIO is how a terminal ends */
        close_stream(execution, which, length == -EIO ? 0 : (i32)-length);
        if (connection) {
            flush(connection);
        }
        forget_if_over(execution);
        return;
    }
    write_history(execution, which, (u32)length);
    if (connection) {
        stream->credit -= (u64)length;
        send_frame(connection, (struct frame){execution->number, DATA, (u8)which, (u16)length}, outbox, 0, 0);
    }
}

/* Reads what has been written so far, as far as there is credit: what the process wrote itself comes before its EXIT, and
 * before the answer to whatever is asked after that or after more credit. Bounded, as others may go on writing. */
static void drain(struct execution *execution) {
    execution->draining = 1;
    for (int which = OUTPUT; which <= ERROR; which++) {
        const struct stream *stream = &execution->streams[which];
        for (u32 i = 0; i < DRAINED_FRAMES && execution->used && stream->descriptor >= 0; i++) {
            u64 before = stream->bytes;
            pump_output(execution, which);
            if (stream->bytes == before) {
                break;
            }
        }
    }
    execution->draining = 0;
    if (execution->used && execution->connection >= 0) { /* the end of a stream was perhaps told, its EXIT was held back */
        attached(execution)->attention = 1;
    }
}

static void pump_input(struct execution *execution) {
    struct stream *stream = &execution->streams[INPUT];
    while (stream->descriptor >= 0 && execution->input_length > 0) {
        i64 length = CALL3(__NR_write, stream->descriptor, execution->input + execution->input_start, execution->input_length);
        if (length == -EAGAIN || length == 0) {
            watch(execution, INPUT);
            return;
        }
        if (is_error(length)) {
            close_stream(execution, INPUT, (i32)-length);
            return;
        }
        execution->input_start += (u32)length;
        execution->input_length -= (u32)length;
        execution->owed += (u32)length;
        if (execution->connection >= 0) {
            attached(execution)->attention = 1;
        }
    }
    unwatch(stream);
    if (execution->input) {
        give_block(execution->input);
        execution->input = 0;
    }
    if (execution->closing && stream->descriptor >= 0) {
        close_stream(execution, INPUT, 0);
        stream->told = 1;
    }
}

/* The credit that was given bounds the length, so the block is large enough. */
static void take_input(struct execution *execution, const u8 *bytes, u32 length) {
    if (!execution->input) {
        execution->input = take_block();
        execution->input_start = 0;
    }
    if (!execution->input) {
        close_stream(execution, INPUT, ENOMEM);
        return;
    }
    if (execution->input_start + execution->input_length + length > BLOCK) {
        memmove(execution->input, execution->input + execution->input_start, execution->input_length);
        execution->input_start = 0;
    }
    memcpy(execution->input + execution->input_start + execution->input_length, bytes, length);
    execution->input_length += length;
    pump_input(execution);
}

/* Everything starts anew for who is attached now, credit included. */
static void attach(struct execution *execution, i32 connection) {
    execution->connection = connection;
    execution->exit_told = 0;
    for (int which = INPUT; which <= ERROR; which++) {
        execution->streams[which].told = 0;
        execution->streams[which].credit = 0;
    }
    execution->owed = WINDOW - execution->input_length;
    execution->granting = 1;
    if (connection >= 0) {
        connections[connection].attention = 1;
    }
}

static void detach(struct execution *execution) {
    execution->connection = -1;
    if (execution->announced) {
        watch_outputs(execution);
        forget_if_over(execution);
    }
}

/* The RESULT has gone out, so its streams may begin. */
static void announce(struct execution *execution) {
    execution->announced = 1;
    execution->owed = WINDOW;
    execution->granting = 1;
    pump_input(execution);
    if (execution->reaped) {
        drain(execution);
    }
    watch_outputs(execution);
    if (execution->connection >= 0) {
        attached(execution)->attention = 1;
    }
    forget_if_over(execution);
}

/* Says to the connection what it does not know yet about this execution, as far as its socket takes it. */
static void tell(struct connection *connection, struct execution *execution) {
    i32 index = (i32)(connection - connections);
    u32 number = execution->number;
    if (execution->lost >> index & 1) {
        i32 error = EBUSY;
        execution->lost &= ~(1ull << index);
        send_frame(connection, (struct frame){number, END, WHOLE, 4}, &error, 0, 0);
    }
    if (execution->connection == index && execution->announced) {
        struct stream *input = &execution->streams[INPUT];
        if (!connection->stalled && input->descriptor >= 0 && !execution->closing && execution->owed &&
            (execution->granting || execution->owed >= WINDOW / 2)) {
            u32 credit = execution->owed;
            input->credit += credit;
            execution->owed = execution->granting = 0;
            send_frame(connection, (struct frame){number, CREDIT, INPUT, 4}, &credit, 0, 0);
        }
        for (int which = INPUT; which <= ERROR; which++) {
            struct stream *stream = &execution->streams[which];
            if (!connection->stalled && connection->open && stream->ended && !stream->told) {
                stream->told = 1;
                send_frame(connection, (struct frame){number, END, (u8)which, 4}, &stream->error, 0, 0);
            }
        }
        if (!connection->stalled && connection->open && execution->reaped && !execution->draining && !execution->exit_told) {
            struct {
                i32 code, status, timed_out, zero;
                u64 usage[RUSAGE];
            } exit = {.code = execution->code, .status = execution->status, .timed_out = execution->timed_out};
            memcpy(exit.usage, execution->usage, sizeof exit.usage);
            execution->exit_told = 1;
            send_frame(connection, (struct frame){number, EXIT, 0, sizeof exit}, &exit, 0, 0);
        }
    }
    if (execution->used) {
        forget_if_over(execution);
    }
}

/* Asks, then kills. */
static void run_out_of_time(struct execution *execution, u64 now) {
    if (!execution->timed_out) {
        execution->timed_out = 1;
        signal_group(execution, SIGTERM);
        execution->deadline = now + execution->grace + 1;
        if (execution->grace > 0) {
            return;
        }
    }
    execution->deadline = 0;
    kill_cgroup(execution);
    if (execution->cgroup_kill < 0) {
        signal_group(execution, SIGKILL);
    }
}

static void end_execution(struct execution *execution, i32 code, i32 status, const u64 *usage) {
    if (execution->announced) {
        drain(execution);
    }
    execution->reaped = 1;
    execution->code = code;
    execution->status = status;
    memcpy(execution->usage, usage, sizeof execution->usage);
    execution->ended = nanoseconds(CLOCK_REALTIME);
    if (!execution->timed_out) {
        execution->deadline = 0;
    }
    write_record(execution, ENDED);
    if (execution->connection >= 0) {
        attached(execution)->attention = 1;
        flush(attached(execution));
    }
    if (execution->used) {
        forget_if_over(execution);
    }
}
