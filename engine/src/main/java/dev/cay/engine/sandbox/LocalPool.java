package dev.cay.engine.sandbox;

import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxPool;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;

/** Sandboxes that are ready. One that has died meanwhile is not given to anybody. */
final class LocalPool implements SandboxPool {
    private static final int MAXIMUM = 1000;

    private final LocalSandboxes sandboxes;
    private final SandboxSpec spec;
    private final int size;
    private final ExecutorService background = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("cay-pool").daemon().factory());
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Sandbox> ready = new ArrayDeque<>();
    private boolean filling;
    private boolean closed;

    LocalPool(LocalSandboxes sandboxes, SandboxSpec spec, int size) {
        if (size < 1 || size > MAXIMUM) {
            throw new SandboxException.InvalidSpec(
                    "a pool of " + size + " sandboxes is out of range", "1 to " + MAXIMUM);
        }
        if (spec.name().isPresent()) {
            throw new SandboxException.InvalidSpec(
                    "the sandboxes of a pool cannot all be called "
                            + spec.name().get(),
                    "leave the name out");
        }
        this.sandboxes = sandboxes;
        this.spec = spec;
        this.size = size;
        refill();
    }

    @Override
    public Sandbox take() {
        Optional<Sandbox> taken = poll();
        while (taken.isPresent() && !lives(taken.get())) {
            taken.get().remove();
            taken = poll();
        }
        refill();
        if (taken.isPresent() && taken.get() instanceof LocalSandbox local) {
            local.publishLater();
        }
        return taken.orElseGet(() -> sandboxes.create(spec));
    }

    private Optional<Sandbox> poll() {
        lock.lock();
        try {
            if (closed) {
                throw new SandboxException.Closed("the pool is closed");
            }
            return Optional.ofNullable(ready.poll());
        } finally {
            lock.unlock();
        }
    }

    private static boolean lives(Sandbox sandbox) {
        try {
            return sandbox.info().state() != SandboxState.DEAD;
        } catch (SandboxException.NotFound e) {
            return false; // somebody has removed it
        }
    }

    private void refill() {
        lock.lock();
        try {
            if (!filling && !closed && ready.size() < size) {
                filling = true;
                background.execute(this::fill);
            }
        } catch (RejectedExecutionException e) {
            filling = false;
        } finally {
            lock.unlock();
        }
    }

    private void fill() {
        boolean more = true;
        while (more) {
            Sandbox made;
            try {
                made = sandboxes.createUntold(spec);
            } catch (SandboxException e) {
                stopFilling(); // whoever asks next meets the same failure himself, and is told
                return;
            }
            more = add(made);
        }
    }

    private void stopFilling() {
        lock.lock();
        try {
            filling = false;
        } finally {
            lock.unlock();
        }
    }

    /** Whether another one is wanted. */
    private boolean add(Sandbox made) {
        lock.lock();
        try {
            if (!closed) {
                ready.add(made);
                filling = ready.size() < size;
                return filling;
            }
        } finally {
            lock.unlock();
        }
        made.remove();
        return false;
    }

    @Override
    public int ready() {
        lock.lock();
        try {
            return ready.size();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            ready.forEach(Sandbox::remove);
            ready.clear();
        } finally {
            lock.unlock();
        }
        background.close();
    }
}
