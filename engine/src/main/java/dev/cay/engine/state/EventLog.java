package dev.cay.engine.state;

import dev.cay.EventStream;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What happens to the sandboxes of this machine: a line for each event in {@code events}, which becomes {@code events.1} when it
 * is full. Thread-safe, also between processes.
 */
public final class EventLog {
    private static final long FULL = 1 << 20;
    private static final int MAXIMUM_DETAIL = 512;

    private final GrowingFile file;

    EventLog(Path base) {
        this(base, FULL);
    }

    /** One that is full sooner, for tests. */
    EventLog(Path base, long full) {
        file = new GrowingFile(base, "events", full);
    }

    /** Tells everybody. A detail that is too long is cut. */
    public void append(SandboxEvent event) throws IOException {
        file.append(write(event));
    }

    /** Listens to what happens from now on. */
    public EventStream follow() throws IOException {
        LineFollower<SandboxEvent> follower = file.follow(EventLog::read);
        return new EventStream() {
            @Override
            public List<SandboxEvent> next(Duration timeout) {
                return follower.next(timeout);
            }

            @Override
            public void close() {
                follower.close();
            }
        };
    }

    private static String write(SandboxEvent event) {
        String detail = event.detail();
        String cut = detail.length() <= MAXIMUM_DETAIL ? detail : detail.substring(0, MAXIMUM_DETAIL);
        OptionalInt execution = event.execution();
        return JsonWriter.object(out -> out.field("time", StateJson.nanos(event.time()))
                .field("id", event.id())
                .field("name", event.name())
                .field("kind", event.kind().text())
                .field(
                        "execution",
                        execution.isPresent() ? OptionalLong.of(execution.getAsInt()) : OptionalLong.empty())
                .field("detail", cut));
    }

    /** Empty if the line is torn, or another version's. */
    static Optional<SandboxEvent> read(String line) {
        try {
            return Optional.of(StateJson.read(line, "an event", in -> {
                OptionalLong execution = in.optionalNumber("execution", 0, Integer.MAX_VALUE);
                return new SandboxEvent(
                        StateJson.instant(in.number("time", Long.MIN_VALUE, Long.MAX_VALUE)),
                        in.text("id"),
                        in.text("name"),
                        StateJson.constant(in, "kind", SandboxEvent.Kind.values(), SandboxEvent.Kind::text),
                        execution.isPresent() ? OptionalInt.of((int) execution.getAsLong()) : OptionalInt.empty(),
                        in.text("detail"));
            }));
        } catch (SandboxException.HostFailed e) {
            return Optional.empty();
        }
    }
}
