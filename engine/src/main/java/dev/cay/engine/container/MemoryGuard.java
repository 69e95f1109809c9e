package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.Child;
import dev.cay.linux.Kernel;
import dev.cay.linux.Poller;
import dev.cay.linux.SyscallException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Sees to it that a container in which the kernel kills a process for want of memory ends as a whole: with version 1 of control groups it
 * kills one process only. Thread-safe.
 */
final class MemoryGuard {
    /** For how many milliseconds after an event a killed process may show up. */
    private static final int ATTEMPTS = 50;

    private final Kernel kernel;
    private final Group group;
    private final Child first;
    private final AtomicReference<Optional<Poller.Watch>> waiting = new AtomicReference<>(Optional.empty());
    private volatile Optional<OomWatch> watched = Optional.empty();
    private volatile boolean out;
    private volatile boolean closed;

    /** @param first the first process of the container */
    MemoryGuard(Kernel kernel, Group group, Child first) {
        this.kernel = kernel;
        this.group = group;
        this.first = first;
    }

    /** Whether it has been found to be so; nobody is asked. */
    boolean hasRunOut() {
        return out;
    }

    /** Whether the kernel has killed anything for want of memory. Then everything is killed. */
    boolean ranOut() {
        if (!out && group.oomKills() > 0) {
            out = true;
            group.kill();
        }
        return out;
    }

    /** @param cleanup closes what the kernel tells it by */
    void watch(Cleanup cleanup) throws SyscallException {
        OomWatch memory = cleanup.push(group.watchMemory(kernel));
        watched = Optional.of(memory);
        watch(memory);
    }

    private void watch(OomWatch memory) {
        Poller.Watch watch =
                Poller.shared().watch(memory.interest(), () -> Thread.startVirtualThread(() -> onLimit(memory)));
        waiting.getAndSet(Optional.of(watch)).ifPresent(Poller.Watch::close);
        if (closed) { // who did that may have found the one before
            watch.close();
        }
    }

    /** The kernel tells before it kills, so the count may follow a moment later; or it finds memory after all. */
    private void onLimit(OomWatch memory) {
        try {
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                if (first.poll().isPresent() || ranOut()) {
                    return;
                }
                LockSupport.parkNanos(1_000_000);
            }
            memory.clear(kernel);
            watch(memory);
        } catch (SyscallException | IllegalStateException | SandboxException e) {
            // the sandbox has just been closed
        }
    }

    /** It is somebody else's from now on. */
    void letGo() {
        close();
        watched.ifPresent(OomWatch::close);
    }

    /** Waits no more. */
    void close() {
        closed = true;
        waiting.get().ifPresent(Poller.Watch::close);
    }
}
