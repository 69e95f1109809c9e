package dev.cay.linux;

import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A process, held by a descriptor: its number can be taken by nobody else while it is not reaped, and
 * no signal can go astray. Thread-safe.
 */
public final class Child implements AutoCloseable {
    static final long P_PIDFD = 3;
    static final long PIDFD_SIGNAL_PROCESS_GROUP = 4;
    static final long WNOHANG = 1;
    static final long WEXITED = 4;
    static final int SIGINFO_SIZE = 128;
    static final int SIGINFO_CODE = 8;
    static final int SIGINFO_PID = 16;
    static final int SIGINFO_STATUS = 24;
    static final int CLD_EXITED = 1;
    static final int CLD_DUMPED = 3;

    /** {@code _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)}, whose first version has 64 bytes. */
    static final long PIDFD_GET_INFO = 0xc040ff0bL;

    static final int PIDFD_INFO_SIZE = 64;
    static final long PIDFD_INFO_EXIT = 8;
    static final int PIDFD_INFO_EXIT_CODE_AT = 60;

    /** wait(2) */
    private static final int WCOREFLAG = 0x80;

    /** What has closed its streams ends within microseconds, and to fall asleep for them and be woken takes longer than to look again. */
    private static final int LOOKS = 30;

    private final int pid;
    private final Fd pidfd;

    /** Whether this process reaps it; otherwise somebody else does, and the pidfd tells how it ended. */
    private final boolean ours;

    private final ReentrantLock reaping = new ReentrantLock();
    private volatile Optional<Status> status;

    /**
     * How a process ended.
     *
     * @param exited whether it exited by itself
     * @param number its exit code, or the signal that ended it
     * @param core whether its memory has been written to a file
     */
    public record Status(boolean exited, int number, boolean core) {
        public Status(boolean exited, int number) {
            this(exited, number, false);
        }

        /** As the kernel tells it, waitid(2): {@code si_code} and {@code si_status}. */
        static Status of(int code, int status) {
            return new Status(code == CLD_EXITED, status, code == CLD_DUMPED);
        }
    }

    Child(int pid, Fd pidfd) {
        this(pid, pidfd, Optional.empty());
    }

    /** @param status how it has ended, if it has been reaped already */
    Child(int pid, Fd pidfd, Optional<Status> status) {
        this(pid, pidfd, true, status);
    }

    private Child(int pid, Fd pidfd, boolean ours, Optional<Status> status) {
        this.pid = pid;
        this.pidfd = pidfd;
        this.ours = ours;
        this.status = status;
    }

    /** A child of a stub, which reaps it. */
    static Child ofStub(Fd pidfd) {
        return new Child(0, pidfd, false, Optional.empty());
    }

    /**
     * A process that somebody else made and reaps.
     *
     * @param pid its number; whether it still means the same process is to be checked afterwards
     * @throws SyscallException ESRCH if there is none
     */
    public static Child of(Kernel kernel, int pid) throws SyscallException {
        Op open = Op.opening(SystemCall.PIDFD_OPEN, Integer.toString(pid), Arg.of(pid), Arg.of(0));
        return new Child(pid, kernel.run(OpList.of(open)).fd(open), false, Optional.empty());
    }

    /** Its number in this process's pid namespace; 0 if a stub made it. */
    public int pid() {
        return pid;
    }

    public Fd pidfd() {
        return pidfd;
    }

    /** Whether this process reaps it. */
    public boolean isOurs() {
        return ours;
    }

    /** What to wait for: then it has ended and {@link #poll} says how. */
    public Poll.Interest end() {
        return ours ? Poll.Interest.reading(pidfd) : Poll.Interest.ending(pidfd);
    }

    /** {@code int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)} pidfd_send_signal(2). */
    public void signal(int number) throws SyscallException {
        signal(number, 0);
    }

    /** The same to the whole process group of the process, which leads it. */
    public void signalGroup(int number) throws SyscallException {
        signal(number, PIDFD_SIGNAL_PROCESS_GROUP);
    }

    private void signal(int number, long flags) throws SyscallException {
        if (status.isPresent()) {
            return;
        }
        long result = Native.call(SystemCall.PIDFD_SEND_SIGNAL, pidfd.number(), number, 0, flags);
        if (result != -Errno.ESRCH.number()) {
            Native.check(result, SystemCall.PIDFD_SEND_SIGNAL, "signal " + number);
        }
    }

    /** Waits until the process has ended and reaps it. */
    public Status await() {
        for (int looks = 1; ; looks++) {
            Optional<Status> ended = poll();
            if (ended.isPresent()) {
                return ended.get();
            }
            if (looks >= LOOKS) {
                Poll.await(Poll.FOREVER, end());
            }
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
                status = ours ? reap() : ask();
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
            return Optional.of(Status.of(
                    scratch.buffer().getInt(info + SIGINFO_CODE),
                    scratch.buffer().getInt(info + SIGINFO_STATUS)));
        }
    }

    /** {@code int ioctl(int pidfd, PIDFD_GET_INFO, struct pidfd_info *)}: known once somebody has reaped it; Linux 6.15. */
    private Optional<Status> ask() {
        try (Scratch scratch = Scratch.borrow()) {
            int info = scratch.allocate(PIDFD_INFO_SIZE);
            scratch.buffer().putLong(info, PIDFD_INFO_EXIT);
            long result = Native.call(SystemCall.IOCTL, pidfd.number(), PIDFD_GET_INFO, scratch.address(info));
            if (Native.failed(result) || (scratch.buffer().getLong(info) & PIDFD_INFO_EXIT) == 0) {
                return Optional.empty();
            }
            int code = scratch.buffer().getInt(info + PIDFD_INFO_EXIT_CODE_AT);
            int signal = code & 0x7f;
            boolean core = (code & WCOREFLAG) != 0;
            return Optional.of(signal == 0 ? new Status(true, code >>> 8 & 0xff) : new Status(false, signal, core));
        }
    }

    /** Closes the descriptor; the process is left as it is. */
    @Override
    public void close() {
        pidfd.close();
    }
}
