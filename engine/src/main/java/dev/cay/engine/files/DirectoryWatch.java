package dev.cay.engine.files;

import dev.cay.FileEvent;
import dev.cay.FilePath;
import dev.cay.FileWatch;
import dev.cay.SandboxException;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.EventFd;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Inotify;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Poll;
import dev.cay.linux.Results;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Watches a directory by inotify(7). Nobody here can wait for that of a machine: there it is looked again and again. */
final class DirectoryWatch implements FileWatch {
    private static final int BUFFER = 32 * 1024;

    /** How long the second half of a renaming may be behind the first. */
    private static final long HALF_NANOSECONDS = 10_000_000;

    /** How often it is looked whether the directory still is; the kernel does not tell while it is open. */
    private static final long CHECK_NANOSECONDS = 500_000_000;

    private static final int INOTIFY_READY = 1;

    /** How often a machine is asked, and for how much, as that is what comes over its channel each time. */
    private static final long LOOK_NANOSECONDS = 100_000_000;

    private static final int LOOK = 4 * 1024;

    private final FileAccess access;
    private final String text;
    private final Fd top;
    private final Fd wake;
    private final boolean recursive;
    private final ReentrantLock waiting = new ReentrantLock();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Set<ByteBuffer> found = new HashSet<>();
    private Fd inotify;
    private WatchedTree tree;

    private DirectoryWatch(FileAccess access, String text, Fd top, boolean recursive) {
        this.access = access;
        this.text = text;
        this.top = top;
        this.recursive = recursive;
        Op waking = EventFd.create();
        Op watching = Inotify.create();
        Results results = access.io(OpList.of(waking, watching), text);
        wake = results.fd(waking);
        inotify = results.fd(watching);
        tree = new WatchedTree(access, inotify, top, recursive, text);
    }

    static DirectoryWatch open(FileAccess access, FilePath path, boolean recursive) {
        String text = Failures.text(path);
        Op open = access.open(path.bytes(), FileAccess.O_SEARCH_DIRECTORY);
        Fd top = access.inside(OpList.of(open), text).fd(open);
        try {
            DirectoryWatch watch = new DirectoryWatch(access, text, top, recursive);
            watch.start();
            return watch;
        } catch (SandboxException e) {
            top.close();
            throw e;
        }
    }

    private void start() {
        boolean complete = false;
        try {
            tree.start();
            if (tree.wasIncomplete()) {
                throw Failures.of(text, Errno.ENOSPC, "more directories than can be watched");
            }
            complete = true;
        } finally {
            if (!complete) {
                closeAll();
            }
        }
    }

    /** After something has been lost: what appeared meanwhile is not watched yet. */
    private void startAgain() {
        inotify.close();
        Op watching = Inotify.create();
        inotify = access.io(OpList.of(watching), text).fd(watching);
        tree = new WatchedTree(access, inotify, top, recursive, text);
        found.clear();
        tree.start();
        tree.wasIncomplete(); // that is what the event says too
    }

    @Override
    public List<FileEvent> next(Duration timeout) {
        waiting.lock();
        try {
            long end = System.nanoTime() + nanoseconds(timeout);
            while (true) {
                if (closed.get()) {
                    throw new SandboxException.Closed("the watch has been closed");
                }
                List<FileEvent> events = events();
                long left = end - System.nanoTime();
                if (!events.isEmpty() || left <= 0) {
                    return events;
                }
                requireTop();
                await(left);
            }
        } finally {
            waiting.unlock();
        }
    }

    private void await(long nanoseconds) {
        if (inotify.isLocal()) {
            Poll.await(
                    Math.min(nanoseconds, CHECK_NANOSECONDS),
                    Poll.Interest.reading(inotify),
                    Poll.Interest.reading(wake));
        } else {
            LockSupport.parkNanos(Math.min(nanoseconds, LOOK_NANOSECONDS));
        }
    }

    /** Whether the second half of a renaming may have come. */
    private boolean hasMore() {
        if (inotify.isLocal()) {
            return (Poll.await(HALF_NANOSECONDS, Poll.Interest.reading(inotify)) & INOTIFY_READY) != 0;
        }
        LockSupport.parkNanos(HALF_NANOSECONDS);
        return true;
    }

    /** An overflow of a duration means forever, which half the range of the clock is. */
    private static long nanoseconds(Duration timeout) {
        return timeout.compareTo(Duration.ofNanos(Long.MAX_VALUE / 2)) > 0 ? Long.MAX_VALUE / 2 : timeout.toNanos();
    }

    private List<FileEvent> events() {
        WatchEvents events = new WatchEvents(tree, found);
        List<Inotify.Event> read = read();
        if (read.isEmpty()) {
            found.clear(); // all that was on its way has come
            return List.of();
        }
        boolean lost = events.add(read);
        if (events.isHalf() && hasMore()) {
            lost |= events.add(read());
        }
        if (lost) {
            startAgain();
            return List.of(WatchEvents.RESCAN);
        }
        return events.finish();
    }

    private List<Inotify.Event> read() {
        Arg.Buffer room = new Arg.Buffer(inotify.isLocal() ? BUFFER : LOOK);
        Op read = FileOps.read(Arg.of(inotify), room).tolerating(Errno.EAGAIN);
        Results results = access.io(OpList.of(read), text);
        return Inotify.events(results.bytes(room), (int) Math.max(0, results.value(read)));
    }

    private void requireTop() {
        Arg.Buffer room = FileStatus.room();
        Results results = access.io(OpList.of(DirectoryOps.status(Arg.of(top), FileAccess.SELF, room)), text);
        if (FileStatus.of(results.bytes(room)).links() == 0 || !tree.isAlive()) {
            throw Failures.of(text, Errno.ENOENT, "the directory has been removed, or what it was mounted from");
        }
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        if (wake.isLocal()) {
            byte[] one = {1, 0, 0, 0, 0, 0, 0, 0};
            access.io(FileOps.write(Arg.of(wake), text, one), text);
        }
        waiting.lock();
        try {
            closeAll();
        } finally {
            waiting.unlock();
        }
    }

    private void closeAll() {
        top.close();
        wake.close();
        inotify.close();
    }
}
