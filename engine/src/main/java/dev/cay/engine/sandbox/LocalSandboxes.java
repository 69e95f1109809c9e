package dev.cay.engine.sandbox;

import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.engine.container.Containers;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** The sandboxes of this process. */
final class LocalSandboxes implements Sandboxes {
    private static final int ID_DIGITS = 12;

    private final Containers containers = new Containers();
    private final Map<String, LocalSandbox> sandboxes = new ConcurrentHashMap<>();
    private final Timeouts timeouts = new Timeouts();
    private final Thread closeAtExit = Thread.ofPlatform().name("cay-exit").unstarted(this::closeAll);

    /** Read by whoever makes a sandbox, written by who closes: none is made that nobody would close. */
    private final ReentrantReadWriteLock closing = new ReentrantReadWriteLock();

    private boolean closed;

    LocalSandboxes() {
        Runtime.getRuntime().addShutdownHook(closeAtExit);
    }

    @Override
    public Sandbox create(SandboxSpec spec) {
        closing.readLock().lock();
        try {
            if (closed) {
                throw new SandboxException.Closed("the engine is closed");
            }
            String id = newId();
            LocalSandbox sandbox =
                    new LocalSandbox(id, containers.create(id, spec), timeouts, () -> sandboxes.remove(id));
            sandboxes.put(id, sandbox);
            return sandbox;
        } finally {
            closing.readLock().unlock();
        }
    }

    private String newId() {
        String id;
        do {
            id = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong(), ID_DIGITS);
        } while (sandboxes.containsKey(id));
        return id;
    }

    @Override
    public void close() {
        closeAll();
        try {
            Runtime.getRuntime().removeShutdownHook(closeAtExit);
        } catch (IllegalStateException e) {
            // the process is ending already, and the hook finds nothing to do
        }
    }

    private void closeAll() {
        closing.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                try (containers;
                        timeouts) {
                    sandboxes.values().forEach(LocalSandbox::close);
                }
            }
        } finally {
            closing.writeLock().unlock();
        }
    }
}
