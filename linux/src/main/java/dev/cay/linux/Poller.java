package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * One daemon thread with an epoll, for whoever must not block in the kernel: virtual threads, and watchers that are called
 * when a descriptor becomes ready.
 *
 * <p>A descriptor is registered under a duplicate of its own, because an epoll knows a descriptor only once but several may
 * wait for it.
 */
public final class Poller {
    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLONESHOT = 1 << 30;
    private static final int MAXIMUM_EVENTS = 64;
    private static final long F_DUPFD_CLOEXEC = 1030;

    /** {@code struct epoll_event} is packed on x86-64 only. */
    private static final int EVENT_DATA = Native.ARCHITECTURE == Architecture.X86_64 ? 4 : 8;

    private static final int EVENT_SIZE = EVENT_DATA + 8;

    private final Fd epoll;
    private final AtomicLong tokens = new AtomicLong();
    private final Map<Long, Registration> registrations = new ConcurrentHashMap<>();

    private record Registration(Fd duplicate, Runnable action) {}

    private static final class Shared {
        static final Poller POLLER = new Poller();
    }

    private Poller() {
        epoll = new Fd((int) succeed(Native.call(SystemCall.EPOLL_CREATE1, EPOLL_CLOEXEC)));
        Thread.ofPlatform().name("cay-poller").daemon().start(this::loop);
    }

    /** The poller of this process. */
    public static Poller shared() {
        return Shared.POLLER;
    }

    /** Something registered; closing it without effect once its action has been taken up. */
    public interface Watch extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Calls an action once, on the poller's thread, when a descriptor is ready. It must neither block nor throw. For a regular
     * file, which is always ready, it is called at once.
     */
    public Watch watch(Poll.Interest interest, Runnable action) {
        long token = tokens.incrementAndGet();
        Fd duplicate =
                new Fd((int) succeed(Native.call(SystemCall.FCNTL, interest.fd().number(), F_DUPFD_CLOEXEC, 0)));
        registrations.put(token, new Registration(duplicate, action));
        try (Scratch scratch = Scratch.borrow()) {
            int event = scratch.allocate(EVENT_SIZE);
            scratch.buffer().putInt(event, interest.events() | EPOLLONESHOT);
            scratch.buffer().putLong(event + EVENT_DATA, token);
            long result = Native.call(
                    SystemCall.EPOLL_CTL, epoll.number(), EPOLL_CTL_ADD, duplicate.number(), scratch.address(event));
            if (Native.failed(result)) {
                Runnable unwatched = take(token);
                if (result != -Errno.EPERM.number()) {
                    succeed(result);
                }
                unwatched.run();
            }
        }
        return () -> take(token);
    }

    /** Ends a registration. Closing the duplicate alone would not: the epoll forgets a file with its last descriptor only. */
    private Runnable take(long token) {
        Registration registration = registrations.remove(token);
        if (registration == null) {
            return () -> {};
        }
        Native.call(
                SystemCall.EPOLL_CTL,
                epoll.number(),
                EPOLL_CTL_DEL,
                registration.duplicate().number(),
                0);
        registration.duplicate().close();
        return registration.action();
    }

    private void loop() {
        while (true) {
            try (Scratch scratch = Scratch.borrow()) {
                ByteBuffer buffer = scratch.buffer();
                int events = scratch.allocate(EVENT_SIZE * MAXIMUM_EVENTS);
                long count = succeed(Native.retried(
                        SystemCall.EPOLL_PWAIT, epoll.number(), scratch.address(events), MAXIMUM_EVENTS, -1, 0));
                for (int i = 0; i < count; i++) {
                    run(take(buffer.getLong(events + EVENT_SIZE * i + EVENT_DATA)));
                }
            }
        }
    }

    /** One that throws all the same is told of as if its thread ended of it, which it must not: all others would wait without end. */
    private static void run(Runnable action) {
        try {
            action.run();
        } catch (RuntimeException e) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
        }
    }

    int await(long nanoseconds, Poll.Interest... interests) {
        Thread waiter = Thread.currentThread();
        AtomicInteger ready = new AtomicInteger();
        List<Watch> watches = new ArrayList<>(interests.length);
        try {
            for (int i = 0; i < interests.length; i++) {
                int bit = 1 << i;
                watches.add(watch(interests[i], () -> {
                    ready.getAndUpdate(bits -> bits | bit);
                    LockSupport.unpark(waiter);
                }));
            }
            park(nanoseconds, ready);
        } finally {
            watches.forEach(Watch::close);
        }
        return ready.get();
    }

    private static void park(long nanoseconds, AtomicInteger ready) {
        long deadline = System.nanoTime() + nanoseconds;
        boolean interrupted = false;
        while (ready.get() == 0) {
            long left = deadline - System.nanoTime();
            if (nanoseconds >= 0 && left <= 0) {
                break;
            }
            if (nanoseconds < 0) {
                LockSupport.park(ready);
            } else {
                LockSupport.parkNanos(ready, left);
            }
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static long succeed(long result) {
        if (Native.failed(result)) {
            throw new IllegalStateException("epoll: " + Errno.nameOf((int) -result));
        }
        return result;
    }
}
