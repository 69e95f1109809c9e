package dev.cay;

import java.nio.file.Path;

/**
 * A unix socket at which a sandbox is served to clients that speak the agent protocol of sandbox managers: a line {@code CONNECT 52}
 * for executions, 53 for files, 54 for control, then frames. Only the user who serves it may connect. Thread-safe.
 */
public interface AgentSocket extends AutoCloseable {
    /** Where it is. */
    Path path();

    /** Leaves all clients, whose commands end unless they asked for something else, and removes the socket. The sandbox stays. */
    @Override
    void close();
}
