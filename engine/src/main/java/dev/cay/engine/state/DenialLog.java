package dev.cay.engine.state;

import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What the policies of this machine's sandboxes have denied: a line for each in {@code denied}, which becomes {@code denied.1} when it
 * is full. Thread-safe, also between processes.
 */
public final class DenialLog {
    private static final long FULL = 1 << 20;
    private static final int MAXIMUM_RULE = 512;

    private final GrowingFile file;

    private DenialLog(Path base) {
        file = new GrowingFile(base, "denied", FULL);
    }

    /** That of this machine. */
    public static DenialLog open() throws IOException {
        return open(NetworkStore.LEASES);
    }

    /** One somewhere else; the directory is made if it is missing. */
    public static DenialLog open(Path base) throws IOException {
        return new DenialLog(Directories.make(base).toRealPath());
    }

    /** Tells everybody. */
    public void append(DeniedConnection denied) throws IOException {
        file.append(write(denied));
    }

    /** What is still known of what was denied before. */
    public List<DeniedConnection> all() throws IOException {
        return file.read(DenialLog::read);
    }

    /** What is denied from now on. */
    public DeniedConnections follow() throws IOException {
        LineFollower<DeniedConnection> follower = file.follow(DenialLog::read);
        return new DeniedConnections() {
            @Override
            public List<DeniedConnection> next(Duration timeout) {
                return follower.next(timeout);
            }

            @Override
            public void close() {
                follower.close();
            }
        };
    }

    private static String write(DeniedConnection denied) {
        String rule = denied.rule();
        OptionalInt port = denied.port();
        return JsonWriter.object(out -> out.field("time", StateJson.nanos(denied.time()))
                .field("id", denied.sandbox())
                .field("name", denied.name())
                .field("protocol", denied.protocol())
                .field("address", denied.address().getHostAddress())
                .field("port", port.isPresent() ? OptionalLong.of(port.getAsInt()) : OptionalLong.empty())
                .field("domain", denied.domain())
                .field("rule", rule.length() <= MAXIMUM_RULE ? rule : rule.substring(0, MAXIMUM_RULE))
                .field("suppressed", denied.suppressed()));
    }

    private static Optional<DeniedConnection> read(String line) {
        try {
            return Optional.of(StateJson.read(line, "a denied connection", in -> {
                OptionalLong port = in.optionalNumber("port", 0, 0xffff);
                return new DeniedConnection(
                        StateJson.instant(in.number("time", Long.MIN_VALUE, Long.MAX_VALUE)),
                        in.text("id"),
                        in.text("name"),
                        in.text("protocol"),
                        InetAddress.ofLiteral(in.text("address")),
                        port.isPresent() ? OptionalInt.of((int) port.getAsLong()) : OptionalInt.empty(),
                        in.optionalText("domain"),
                        in.text("rule"),
                        in.number("suppressed", 0, Long.MAX_VALUE));
            }));
        } catch (SandboxException.HostFailed e) {
            return Optional.empty(); // torn, or another version's
        }
    }
}
