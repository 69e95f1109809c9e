/* The first process of a sandbox: runs lists of system calls that its owner sends, keeps streams, reaps. It decides nothing.
 *
 * One thread, one loop. Nothing here waits for anything but epoll, and children that share the memory write to their own
 * job alone, so nothing needs a lock. It is one translation unit, cut into files that are read in the order in which they stand here. */
#include "system.h"

#include "protocol.h"

#include "list.h"

#include "execution.h"

#include "machine.h"

#include "connections.h"

#include "jobs.h"

#include "requests.h"

#include "receiving.h"

#include "entry.h"

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
    int is_idle = idle_time && !connection_count && !executions_alive; /* lists are those of connections, or of onlookers */
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

static i32 sharer, told_to_go;

IN_CHILD static void share_descriptors(void *unused) {
    (void)unused;
    system_call(__NR_futex, (i64)&told_to_go, FUTEX_WAIT, 0, 0, 0, 0);
    for (;;) {
        CALL1(__NR_exit, 0);
    }
}

/* The table of descriptors has been as large as that of the engine that made us, 64 KiB if it holds thousands, and stays so. It is
 * copied at its proper size by whoever leaves one that is shared: so a thread shares it for a moment. */
static void shrink_table(void) {
    static u8 done;
    struct clone_args arguments;
    if (done || job_count) { /* a list may open something here */
        return;
    }
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    arguments.parent_tid = arguments.child_tid = (u64)&sharer;
    arguments.stack = (u64)inbox; /* empty, and about to be released */
    arguments.stack_size = LARGEST_PAGE;
    told_to_go = 0;
    if (is_error(spawn(&arguments, sizeof arguments, share_descriptors, 0))) {
        return;
    }
    done = !is_error(CALL1(__NR_unshare, CLONE_FILES));
    __atomic_store_n(&told_to_go, 1, __ATOMIC_SEQ_CST);
    CALL3(__NR_futex, &told_to_go, FUTEX_WAKE, 1);
    for (i32 thread; (thread = __atomic_load_n(&sharer, __ATOMIC_SEQ_CST));) {
        system_call(__NR_futex, (i64)&sharer, FUTEX_WAIT, thread, 0, 0, 0);
    }
}

/* What is kept only to be quick holds nothing between two events. */
static void release_memory(void) {
    shrink_table();
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
                open_channel(&connections[index]);
            }
            if (is_channel(&connections[index]) && connections[index].stalled && (event->events & EPOLLHUP)) {
                break_off(&connections[index]); /* what it does not take nobody will */
            } else if (connections[index].open) {
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

/* Holds the namespaces it is in, visible to its owner, until the other end of descriptor 0 is closed. It says when it is: whoever
 * waits for an execve goes on a moment before the kernel shows the new program's files in /proc to its user. */
_Noreturn static void hold(void) {
    u8 byte = 0;
    CALL3(__NR_write, 1, &byte, 1);
    CALL3(__NR_read, 0, &byte, 1);
    exit_with(0, "", 0);
}

/* When the other end of descriptor 0 is closed, and not before, it kills the process that descriptor 3 is: for one that would not see
 * that its owner is gone. Whom its owner's terminal sends signals is not asked. */
enum { VICTIM = 3 };
_Noreturn static void watch_owner(void) {
    const u64 all = ~0ull;
    u8 byte;
    CALL4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
    CALL2(__NR_prctl, PR_SET_NAME, "cay-watch");
    CALL3(__NR_read, 0, &byte, 1);
    CALL4(__NR_pidfd_send_signal, VICTIM, SIGKILL, 0, 0);
    exit_with(0, "", 0);
}

/* As the first process of a kernel it comes to its channel by itself; else that is descriptor 0. */
static void open_machine(int given) {
    channel = socket_option(0, SO_TYPE_) == STREAM_SOCKET ? SOCKET_CHANNEL : PORT_CHANNEL;
    i32 port = given ? 0 : boot();
    set_up(0);
    ends_with_connection_0 = 0;
    if (!add_channel(port)) {
        DIE("stub: no channel\n");
    }
}

static int is_text(const char *text, const char *other) {
    while (*text && *text == *other) {
        text++;
        other++;
    }
    return *text == *other;
}

/* How it is started, see design/002-stub.md. */
static void begin_with(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    int attached_to_0 = is_text(how, "attached");
    int detached = is_text(how, "detached");
    if (count == 2 && is_text(how, "hold")) {
        hold();
    }
    if (count == 2 && is_text(how, "watch")) {
        watch_owner();
    }
    int given = count == 2 && is_text(how, "machine"), socket = socket_option(0, SO_TYPE_) == STREAM_SOCKET;
    if (given || (!socket && !attached_to_0 && !detached && is_first_of_kernel())) {
        open_machine(given);
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
