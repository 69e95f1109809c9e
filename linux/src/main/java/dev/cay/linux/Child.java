package dev.cay.linux;

import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A process that this one made, held by a descriptor: its number can be taken by nobody else while it is not reaped, and
 * no signal can go astray. Thread-safe.
 */
public final class Child implements AutoCloseable {
    static final long P_PIDFD = 3;
    static final long WNOHANG = 1;
    static final long WEXITED = 4;
    static final int SIGINFO_SIZE = 128;
    static final int SIGINFO_CODE = 8;
    static final int SIGINFO_PID = 16;
    static final int SIGINFO_STATUS = 24;
    static final int CLD_EXITED = 1;

    private final int pid;
    private final Fd pidfd;
    private final ReentrantLock reaping = new ReentrantLock();
    private volatile Optional<Status> status;

    /**
     * How a process ended.
     *
     * @param exited whether it exited by itself
     * @param number its exit code, or the signal that ended it
     */
    public record Status(boolean exited, int number) {}

    Child(int pid, Fd pidfd) {
        this(pid, pidfd, Optional.empty());
    }

    /** @param status how it has ended, if it has been reaped already */
    Child(int pid, Fd pidfd, Optional<Status> status) {
        this.pid = pid;
        this.pidfd = pidfd;
        this.status = status;
    }

    /** Its number in this process's pid namespace. */
    public int pid() {
        return pid;
    }

    /** Readable when the process has ended. */
    public Fd pidfd() {
        return pidfd;
    }

    /** {@code int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)} pidfd_send_signal(2). */
    public void signal(int number) throws SyscallException {
        if (status.isPresent()) {
            return;
        }
        long result = Native.call(SystemCall.PIDFD_SEND_SIGNAL, pidfd.number(), number, 0, 0);
        if (result != -Errno.ESRCH.number()) {
            Native.check(result, SystemCall.PIDFD_SEND_SIGNAL, "signal " + number);
        }
    }

    /** Waits until the process has ended and reaps it. */
    public Status await() {
        while (true) {
            Optional<Status> ended = poll();
            if (ended.isPresent()) {
                return ended.get();
            }
            Poll.readable(pidfd);
        }
    }

    /** Reaps the process if it has ended. */
    public Optional<Status> poll() {
        if (status.isPresent()) {
            return status;
        }
        reaping.lock();
        try {
            if (status.isEmpty()) {
                status = reap();
            }
            return status;
        } finally {
            reaping.unlock();
        }
    }

    /** {@code int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options)} waitid(2). */
    private Optional<Status> reap() {
        try (Scratch scratch = Scratch.borrow()) {
            int info = scratch.allocate(SIGINFO_SIZE);
            long result = Native.retried(
                    SystemCall.WAITID, P_PIDFD, pidfd.number(), scratch.address(info), WEXITED | WNOHANG, 0);
            if (Native.failed(result)) {
                throw new IllegalStateException("waitid: " + Errno.nameOf((int) -result));
            }
            if (scratch.buffer().getInt(info + SIGINFO_PID) == 0) {
                return Optional.empty();
            }
            return Optional.of(new Status(
                    scratch.buffer().getInt(info + SIGINFO_CODE) == CLD_EXITED,
                    scratch.buffer().getInt(info + SIGINFO_STATUS)));
        }
    }

    /** Closes the descriptor; the process is left as it is. */
    @Override
    public void close() {
        pidfd.close();
    }
}
