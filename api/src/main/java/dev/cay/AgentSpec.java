package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a sandbox is served at a socket.
 *
 * @param path where the socket is to be, an absolute path of at most 107 bytes; one of the engine's if empty. A socket that is there
 *     is replaced if nobody listens at it any more
 * @param connections how many clients are served at once at each port, 1 to 1024; one more is told that this is busy
 */
public record AgentSpec(Optional<Path> path, int connections) {
    public static final int DEFAULT_CONNECTIONS = 64;
    public static final AgentSpec STANDARD = new AgentSpec(Optional.empty(), DEFAULT_CONNECTIONS);

    private static final int MAXIMUM_CONNECTIONS = 1024;

    public AgentSpec {
        requireNonNull(path, "path is null");
        path.ifPresent(file -> Check.hostPath("the path of the socket", file));
        Check.that(
                connections >= 1 && connections <= MAXIMUM_CONNECTIONS,
                connections + " connections are out of range",
                "1 to " + MAXIMUM_CONNECTIONS);
    }

    /** One at a path. */
    public static AgentSpec at(Path path) {
        return new AgentSpec(Optional.of(path), DEFAULT_CONNECTIONS);
    }
}
