/* Lists on their way: begun when it is their turn, settled when their child tells or ends, reaped. */

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
        u64 usage[RUSAGE] = {0};
        i64 result = system_call(__NR_waitid, P_ALL, 0, (i64)information, WEXITED | WNOHANG | __WALL, (i64)usage, 0);
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
                end_execution(&executions[i], information[2], information[6], usage);
                break;
            }
        }
    }
    more_to_reap = 1; /* the signal is consumed: the loop remembers */
}
