package dev.cay.engine.state;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Locks between the threads of all processes of this machine. Thread-safe; a thread may take a lock again that it has.
 *
 * <p>The kernel's locks belong to a process and are gone when it closes any descriptor of the file, see fcntl_locking(2). So
 * there is a lock of this process before each, and nothing else ever opens these files.
 */
public final class FileLocks {
    /** What is done under a lock. */
    public interface Action<T> {
        T run() throws IOException;
    }

    private static final class Holder {
        private final ReentrantLock lock = new ReentrantLock();
        private int users;
    }

    private static final long AGAIN_NANOSECONDS = 500_000;
    private static final Map<Path, Holder> HOLDERS = new HashMap<>();

    private FileLocks() {}

    /**
     * Waits for the lock of a file, which is made if it is missing; an interrupt is kept for later.
     *
     * @param file an absolute path, the same for everybody
     */
    public static <T> T locked(Path file, Action<T> action) throws IOException {
        Holder holder = enter(file);
        try {
            holder.lock.lock();
            try {
                if (holder.lock.getHoldCount() > 1) {
                    return action.run();
                }
                try (FileChannel _ = lock(file)) {
                    return action.run();
                }
            } finally {
                holder.lock.unlock();
            }
        } finally {
            leave(file, holder);
        }
    }

    /** The same without waiting: empty if somebody else has the lock. */
    public static <T> Optional<T> tryLocked(Path file, Action<T> action) throws IOException {
        Holder holder = enter(file);
        try {
            if (!holder.lock.tryLock()) {
                return Optional.empty();
            }
            try {
                if (holder.lock.getHoldCount() > 1) {
                    return Optional.of(action.run());
                }
                try (FileChannel channel = open(file)) {
                    FileLock lock = channel.tryLock();
                    return lock == null ? Optional.empty() : Optional.of(action.run());
                }
            } finally {
                holder.lock.unlock();
            }
        } finally {
            leave(file, holder);
        }
    }

    private static Holder enter(Path file) {
        synchronized (HOLDERS) {
            Holder holder = HOLDERS.computeIfAbsent(file, _ -> new Holder());
            holder.users++;
            return holder;
        }
    }

    private static void leave(Path file, Holder holder) {
        synchronized (HOLDERS) {
            holder.users--;
            if (holder.users == 0) {
                HOLDERS.remove(file);
            }
        }
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    /**
     * An interrupt closes the channel. The kernel is asked again and again instead of being waited in: it takes two threads of a process,
     * one that has a lock and one that waits for another, for one who waits for himself, and says EDEADLK.
     */
    private static FileChannel lock(Path file) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                FileChannel channel = open(file);
                try {
                    while (channel.tryLock() == null) {
                        LockSupport.parkNanos(AGAIN_NANOSECONDS);
                        interrupted |= Thread.interrupted();
                    }
                    return channel;
                } catch (ClosedByInterruptException e) {
                    channel.close();
                    interrupted |= Thread.interrupted();
                } catch (IOException | RuntimeException e) {
                    channel.close();
                    throw e;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
