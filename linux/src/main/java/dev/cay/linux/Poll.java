package dev.cay.linux;

import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * Waits for descriptors, whichever kind of thread it is called from: a platform thread waits in the kernel, a virtual one is
 * parked and a thread with an epoll waits for all of them.
 */
public final class Poll {
    static final int IN = 1;
    static final int PRIORITY = 2;
    static final int OUT = 4;
    private static final int POLLFD_SIZE = 8;

    /** For waiting without an end. */
    public static final long FOREVER = -1;

    private Poll() {}

    /** What can be waited for. The end of the other side always counts too. */
    public enum Event {
        /** Something to read. */
        READABLE(IN),
        /** Room to write. */
        WRITABLE(OUT),
        /** Nothing but the end of the other side. */
        ENDED(0),
        /** A change of a file that tells of changes, such as those of control groups. */
        CHANGED(PRIORITY);

        private final int bits;

        Event(int bits) {
            this.bits = bits;
        }
    }

    /** A descriptor and what is waited for. */
    public record Interest(Fd fd, Event event) {
        public static Interest reading(Fd fd) {
            return new Interest(fd, Event.READABLE);
        }

        public static Interest writing(Fd fd) {
            return new Interest(fd, Event.WRITABLE);
        }

        public static Interest ending(Fd fd) {
            return new Interest(fd, Event.ENDED);
        }

        public static Interest changing(Fd fd) {
            return new Interest(fd, Event.CHANGED);
        }

        int events() {
            return event.bits;
        }
    }

    /** Waits until a descriptor can be read or has come to its end. */
    public static void readable(Fd fd) {
        await(FOREVER, Interest.reading(fd));
    }

    /**
     * Waits until one of the descriptors is ready.
     *
     * @param nanoseconds the longest to wait, or {@link #FOREVER}
     * @return a bit for each that is ready, the first one's the lowest; 0 when the time is over
     */
    public static int await(long nanoseconds, Interest... interests) {
        return Thread.currentThread().isVirtual() && nanoseconds != 0
                ? Poller.shared().await(nanoseconds, interests)
                : inKernel(nanoseconds, interests);
    }

    /** {@code int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout, ...)} ppoll(2). */
    static int inKernel(long nanoseconds, Interest... interests) {
        try (Scratch scratch = Scratch.borrow()) {
            ByteBuffer buffer = scratch.buffer();
            int fds = scratch.allocate(POLLFD_SIZE * interests.length);
            for (int i = 0; i < interests.length; i++) {
                buffer.putInt(fds + POLLFD_SIZE * i, interests[i].fd().number());
                buffer.putShort(fds + POLLFD_SIZE * i + 4, (short) interests[i].events());
            }
            long timeout = nanoseconds < 0 ? 0 : timespec(scratch, nanoseconds);
            // The kernel writes the time left into the timeout, so a repeated call waits for the rest only.
            long ready = Native.retried(SystemCall.PPOLL, scratch.address(fds), interests.length, timeout, 0, 8);
            if (Native.failed(ready)) {
                throw new IllegalStateException("ppoll: " + Errno.nameOf((int) -ready));
            }
            int bits = 0;
            for (int i = 0; i < interests.length; i++) {
                if (buffer.getShort(fds + POLLFD_SIZE * i + 6) != 0) {
                    bits |= 1 << i;
                }
            }
            return bits;
        }
    }

    private static long timespec(Scratch scratch, long nanoseconds) {
        int position = scratch.allocate(16);
        Duration duration = Duration.ofNanos(nanoseconds);
        scratch.buffer().putLong(position, duration.getSeconds());
        scratch.buffer().putLong(position + 8, duration.getNano());
        return scratch.address(position);
    }
}
