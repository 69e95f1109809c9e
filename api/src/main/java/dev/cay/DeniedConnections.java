package dev.cay;

import java.time.Duration;
import java.util.List;

/** What the policies of this machine's sandboxes deny, as it happens. Meant for one thread; closed by any. */
public interface DeniedConnections extends AutoCloseable {
    /** Waits for some, at the most so long; empty if there were none. */
    List<DeniedConnection> next(Duration timeout);

    @Override
    void close();
}
