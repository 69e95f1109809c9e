package dev.cay;

import java.time.Duration;
import java.util.List;

/** What happens to the sandboxes of this machine, from when it was opened on. Meant for one thread; closed by any. */
public interface EventStream extends AutoCloseable {
    /** Waits for events, at the most so long; empty if there were none. */
    List<SandboxEvent> next(Duration timeout);

    @Override
    void close();
}
