package dev.cay.linux;

/** Counters that can be waited for, and what the kernel counts with them. */
public final class EventFd {
    private static final long CLOEXEC_NONBLOCK = FileOps.O_CLOEXEC | FileOps.O_NONBLOCK;

    private EventFd() {}

    /** {@code int eventfd2(unsigned int initval, int flags)} eventfd(2). */
    public static Op create() {
        return Op.opening(SystemCall.EVENTFD2, "", Arg.of(0), Arg.of(CLOEXEC_NONBLOCK));
    }

    /** Writes {@code EVENT FILE} into a version 1 group's {@code cgroup.event_control}. */
    public static Op subscribe(Arg eventControl, Fd event, Fd file) {
        return FileOps.write(eventControl, "cgroup.event_control", event.number() + " " + file.number());
    }
}
