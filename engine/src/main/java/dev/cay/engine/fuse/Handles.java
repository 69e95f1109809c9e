package dev.cay.engine.fuse;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** What the guest has open. Thread-safe. */
final class Handles {
    /** As many as one process of a guest may have open unless it asks for more; each is a descriptor of this process. */
    private static final int MAXIMUM = 1024;

    private final Map<Long, Handle> open = new ConcurrentHashMap<>();
    private final AtomicLong numbers = new AtomicLong();

    /** Before anything is opened that would find no room. */
    void requireRoom() throws Refusal {
        if (open.size() >= MAXIMUM) {
            throw new Refusal(Errno.ENFILE);
        }
    }

    Handle add(Node node, Fd fd, boolean appends) {
        Handle handle = new Handle(numbers.incrementAndGet(), node, fd, appends);
        open.put(handle.number(), handle);
        node.handles().add(handle);
        return handle;
    }

    Handle find(long number) throws Refusal {
        Handle handle = open.get(number);
        if (handle == null) {
            throw new Refusal(Errno.EBADF);
        }
        return handle;
    }

    void release(long number) throws Refusal {
        Handle handle = find(number);
        open.remove(number);
        handle.node().handles().remove(handle);
        handle.close();
    }

    void close() {
        open.values().forEach(Handle::close);
        open.clear();
    }
}
