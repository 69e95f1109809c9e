/* Lists of system calls: their memory, their check, their run. */
enum {
    BLOCK = 65536,
    BLOCKS_KEPT = 2,
    JOBS = 512,
    JOB_MEMORY = 256 << 20,
    RUNNING_JOBS = 16,
#ifdef HOSTED
    CHILD_STACK = 32768, /* code with checks of a sanitizer wants more */
#else
    CHILD_STACK = 4096,
#endif
};

enum outcome { UNKNOWN, COMPLETE, FAILED };

/* A list that is being received, waits, runs, or whose result is being sent. The stack and the list follow in the same memory. */
struct job {
    struct job *next;
    u64 size;
    u32 request;
    i32 connection;            /* index, -1: it hung up */
    u8 *list;
    u64 length;                /* of the list and its room */
    u32 received, sent, result_length;
    struct list_header header; /* a copy: what runs can overwrite the list */
    struct operation *operations;
    i32 descriptors[LIST_DESCRIPTORS];
    u32 descriptor_count;
    i32 failed, error;         /* in this order the beginning of the RESULT */
    volatile u32 current;      /* written by the child, as the next two */
    volatile u32 outcome;
    volatile u32 thread;       /* zeroed by the kernel when the child has left this memory for good */
    i32 pid, pidfd, started;   /* started: a pipe that ends with the execve */
    u32 cancelled;
    struct execution *execution;
};

/* Whether the connections are channels of a machine, see machine.h; PORT_CHANNEL: what has no end that would be ours. */
enum channel { NO_CHANNEL, SOCKET_CHANNEL, PORT_CHANNEL };
static u8 channel;

static void *kept_blocks;
static u32 kept_block_count, job_count;
static u64 job_memory;

static void *map(u64 size) {
    i64 address = system_call(__NR_mmap, 0, (i64)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return is_error(address) ? 0 : (void *)address;
}

/* Fresh memory is what costs most in a small list, so a few blocks are used again. Their contents are old. */
static void *take_block(void) {
    void *block = kept_blocks;
    if (!block) {
        return map(BLOCK);
    }
    kept_blocks = *(void **)block;
    kept_block_count--;
    return block;
}

static void give_block(void *block) {
    if (kept_block_count < BLOCKS_KEPT) {
        *(void **)block = kept_blocks;
        kept_blocks = block;
        kept_block_count++;
    } else {
        CALL2(__NR_munmap, block, BLOCK);
    }
}

static void forget_kept_blocks(void) {
    while (kept_blocks) {
        void *block = kept_blocks;
        kept_blocks = *(void **)block;
        CALL2(__NR_munmap, block, BLOCK);
    }
    kept_block_count = 0;
}

/* Gives the whole pages within back to the kernel; what was there is zero from now on. */
static void release_pages(void *memory, u64 size) {
    const u64 page = LARGEST_PAGE;
    u64 start = ((u64)memory + page - 1) & ~(page - 1);
    u64 end = ((u64)memory + size) & ~(page - 1);
    if (start < end) {
        CALL3(__NR_madvise, start, end - start, MADV_DONTNEED);
    }
}

static void close_descriptor(i32 descriptor) {
    if (descriptor >= 0) {
        CALL1(__NR_close, descriptor);
    }
}

/* The sizes in the header are checked here, before memory is taken; the rest by check_job(). */
static struct job *new_job(const struct list_header *header, i32 *error) {
    *error = EINVAL;
    u64 needed = sizeof *header + (u64)header->operations * sizeof(struct operation) +
                 (u64)header->relocations * sizeof(struct relocation);
    needed += channel ? 4u * (u64)header->descriptors : 0; /* their numbers */
    if (header->total > LIST_SIZE || header->room > LIST_SIZE || header->total < needed) {
        return 0;
    }
    u64 before = ((sizeof(struct job) + 15) & ~15ull) + CHILD_STACK;
    u64 size = before + header->total + header->room;
    size = size <= BLOCK ? BLOCK : (size + 4095) & ~4095ull;
    *error = EAGAIN;
    if (job_count >= JOBS || job_memory + size > JOB_MEMORY) {
        return 0;
    }
    struct job *job = size == BLOCK ? take_block() : map(size);
    if (!job) {
        *error = ENOMEM;
        return 0;
    }
    memset(job, 0, sizeof *job);
    job->size = size;
    job->header = *header;
    job->list = (u8 *)job + before;
    job->operations = (struct operation *)(job->list + sizeof *header);
    job->length = (u64)header->total + header->room;
    job->failed = -1;
    job->pidfd = job->started = -1;
    memcpy(job->list, header, sizeof *header);
    job->received = sizeof *header;
    if (size == BLOCK) { /* a fresh mapping is zero */
        memset(job->list + header->total, 0, header->room);
    }
    job_count++;
    job_memory += size;
    return job;
}

static void release_descriptors(struct job *job) {
    for (u32 i = 0; i < job->descriptor_count; i++) {
        close_descriptor(job->descriptors[i]);
    }
    job->descriptor_count = 0;
}

static void free_job(struct job *job) {
    release_descriptors(job);
    close_descriptor(job->pidfd);
    close_descriptor(job->started);
    job_count--;
    job_memory -= job->size;
    if (job->size == BLOCK) {
        give_block(job);
    } else {
        CALL2(__NR_munmap, job, job->size);
    }
}

static int is_index(const struct job *job, i64 index) {
    return index >= 0 && index < job->header.descriptors;
}

static int is_index_or_none(const struct job *job, i32 index) {
    return index == -1 || is_index(job, index);
}

static int check_header(const struct job *job) {
    const struct list_header *header = &job->header;
    const u64 namespaces = CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                           CLONE_NEWPID | CLONE_NEWNET;
    if (header->mode > EXECUTION || header->zero != 0 || (header->clone_flags & ~namespaces) ||
        (u64)header->reply + header->reply_length > job->length) {
        return 0;
    }
    int streams = 0;
    for (int i = 0; i < 3; i++) {
        streams |= header->ours[i] != -1;
        if (!is_index_or_none(job, header->ours[i])) {
            return 0;
        }
    }
    if (!is_index_or_none(job, header->cgroup) || !is_index_or_none(job, header->record) ||
        !is_index_or_none(job, header->cgroup_kill)) {
        return 0;
    }
    if (header->mode == INLINE && (header->clone_flags || header->cgroup != -1)) {
        return 0;
    }
    if (header->mode != EXECUTION &&
        (header->execution || streams || header->record != -1 || header->cgroup_kill != -1 || header->timeout)) {
        return 0;
    }
    return (header->execution || !streams) && header->ring % 4096 == 0 && (!header->ring || header->record != -1);
}

/* Turns offsets and indexes into what they stand for. */
static int check_operation(const struct job *job, struct operation *operation, u32 *sent) {
    u64 mask = operation->mask;
    if (mask >> BITS || ((mask | mask >> 8 | mask >> 16) & 0xc0)) {
        return 0;
    }
    for (int i = 0; i < 6; i++) {
        u64 *argument = &operation->arguments[i];
        int value = mask >> (VALUE_BIT + i) & 1;
        int descriptor = mask >> (DESCRIPTOR_BIT + i) & 1;
        if (mask >> (OFFSET_BIT + i) & 1) {
            if (descriptor || *argument > job->length) {
                return 0;
            }
            *argument += (u64)job->list;
        }
        /* A relocation may have made the address; wherever it comes from, the value lies in this list. */
        if (value && (descriptor || *argument < (u64)job->list || job->length < 8 ||
                      *argument - (u64)job->list > job->length - 8)) {
            return 0;
        }
        if (descriptor) {
            if (*argument >= job->header.descriptors) {
                return 0;
            }
            *argument = (u64)job->descriptors[*argument];
        }
    }
    if (mask >> SEND_BIT & 1) {
        return job->header.mode != EXECUTION && ++*sent <= LIST_DESCRIPTORS;
    }
    return 1;
}

/* All that is an offset or an index is checked before anything runs. Relocations come first, so what they made is checked too. */
static int check_job(struct job *job) {
    if (!check_header(job)) {
        return 0;
    }
    const u8 *relocations = (const u8 *)(job->operations + job->header.operations);
    for (u32 i = 0; i < job->header.relocations; i++) {
        struct relocation relocation;
        memcpy(&relocation, relocations + i * sizeof relocation, sizeof relocation);
        if (relocation.at < sizeof job->header || (u64)relocation.at + 8 > job->length || relocation.to > job->length) {
            return 0;
        }
        u64 address = (u64)job->list + relocation.to;
        memcpy(job->list + relocation.at, &address, 8);
    }
    u32 sent = 0;
    for (u32 i = 0; i < job->header.operations; i++) {
        if (!check_operation(job, &job->operations[i], &sent)) {
            return 0;
        }
    }
    return 1;
}

IN_CHILD static i64 run_operation(const struct operation *operation) {
    u64 values[6], mask = operation->mask;
    for (int i = 0; i < 6; i++) {
        values[i] = operation->arguments[i];
        if (mask >> i & 1) {
            values[i] = *(const u64 __attribute__((aligned(1), may_alias)) *)values[i];
        }
    }
    i64 result;
    do {
        result = listed_call(operation->number, (i64)values[0], (i64)values[1], (i64)values[2], (i64)values[3],
                             (i64)values[4], (i64)values[5]);
    } while ((mask >> REPEAT_BIT & 1) && result != 0 && !is_error(result));
    return result;
}

/* Writes to nothing but the job, as a child runs on the memory of the stub. */
IN_CHILD static void run_operations(struct job *job) {
    for (u32 i = 0; i < job->header.operations; i++) {
        struct operation *operation = &job->operations[i];
        job->current = i;
        i64 result = run_operation(operation);
        operation->result = result;
        if (!is_error(result)) {
            continue;
        }
        const u16 *tolerated = operation->tolerated;
        u16 error = (u16)-result;
        if (tolerated[0] != error && tolerated[1] != error && tolerated[2] != error && tolerated[3] != error) {
            job->failed = (i32)i;
            job->error = error;
            job->outcome = FAILED;
            return;
        }
    }
    job->current = job->header.operations;
    job->outcome = COMPLETE;
}

IN_CHILD static void run_in_child(void *argument) {
    struct job *job = argument;
    run_operations(job);
    i32 code = job->outcome == FAILED || job->header.mode == EXECUTION ? 127 : 0;
    for (;;) {
        CALL1(__NR_exit_group, code);
    }
}

static void refuse(struct job *job, i32 error) {
    job->failed = -2;
    job->error = error;
}

/* Makes the child; on failure the list is refused and there is none. */
static void spawn_child(struct job *job) {
    struct clone_args arguments;
    i32 ends[2] = {-1, -1};
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_CLEAR_SIGHAND | CLONE_CHILD_CLEARTID | job->header.clone_flags;
    arguments.child_tid = (u64)&job->thread;
    arguments.exit_signal = SIGCHLD;
    arguments.stack = (u64)job->list - CHILD_STACK;
    arguments.stack_size = CHILD_STACK;
    if (job->header.cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (u64)job->descriptors[job->header.cgroup];
    }
    i64 result = 0;
    if (job->header.mode == CHILD) {
        arguments.flags |= CLONE_FILES;
    } else {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = (u64)&job->pidfd;
        result = CALL2(__NR_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    }
    if (!is_error(result)) {
        job->thread = 1;
        result = spawn(&arguments, sizeof arguments, run_in_child, job);
    }
    close_descriptor(ends[1]); /* the child alone keeps it, so its end is the child's execve or death */
    if (is_error(result)) {
        close_descriptor(ends[0]);
        refuse(job, (i32)-result);
        return;
    }
    job->started = ends[0];
    job->pid = (i32)result;
}

static int is_execve(const struct job *job) {
    if (job->current >= job->header.operations) {
        return 0;
    }
    i64 number = job->operations[job->current].number;
    return number == __NR_execve || number == __NR_execveat;
}

/* What became of a list, once nobody runs it any more. An execve that succeeds leaves no result behind. */
static void judge(struct job *job) {
    if (job->outcome == FAILED || (job->outcome == COMPLETE && job->header.mode != EXECUTION)) {
        return;
    }
    if (job->outcome == UNKNOWN && job->header.mode == EXECUTION && !job->cancelled && is_execve(job)) {
        return;
    }
    job->failed = (i32)job->current;
    job->error = job->outcome == COMPLETE ? ENOSYS : job->cancelled ? ECANCELED : EIO;
}

static u32 result_length(const struct job *job) {
    return job->failed == -2 ? 8 : 8 + 8 * (u32)job->header.operations + job->header.reply_length;
}

/* Copies a part of the RESULT, which lies in three places. */
static void copy_result(const struct job *job, u32 from, u8 *to, u32 count) {
    const u32 reply = 8 + 8 * (u32)job->header.operations;
    while (count > 0) {
        const u8 *source;
        u32 part;
        if (from < 8) {
            source = (const u8 *)&job->failed + from;
            part = 8 - from;
        } else if (from < reply) {
            source = (const u8 *)&job->operations[(from - 8) / 8].result + from % 8;
            part = 8 - from % 8;
        } else {
            source = job->list + job->header.reply + (from - reply);
            part = count;
        }
        part = part < count ? part : count;
        memcpy(to, source, part);
        to += part;
        from += part;
        count -= part;
    }
}

/* The descriptors that are to be sent; the results of operations that did not run are not looked at. */
static u32 results_to_send(const struct job *job, i32 *descriptors) {
    u32 count = 0;
    if (job->header.mode == EXECUTION) {
        if (job->failed == -1) {
            descriptors[count++] = job->pidfd;
        }
        return count;
    }
    for (u32 i = 0; job->failed != -2 && i < job->current && i < job->header.operations; i++) {
        const struct operation *operation = &job->operations[i];
        if ((operation->mask >> SEND_BIT & 1) && operation->result >= 0 && count < LIST_DESCRIPTORS) {
            descriptors[count++] = (i32)operation->result;
        }
    }
    return count;
}
