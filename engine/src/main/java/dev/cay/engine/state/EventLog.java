package dev.cay.engine.state;

import dev.cay.EventStream;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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

    private final Path file;
    private final Path earlier;
    private final Path lock;
    private final long full;

    EventLog(Path base) {
        this(base, FULL);
    }

    /** One that is full sooner, for tests. */
    EventLog(Path base, long full) {
        file = base.resolve("events");
        earlier = base.resolve("events.1");
        lock = base.resolve("events.lock");
        this.full = full;
    }

    /** Tells everybody. A detail that is too long is cut. */
    public void append(SandboxEvent event) throws IOException {
        String line = write(event);
        FileLocks.locked(lock, () -> {
            if (Files.exists(file) && Files.size(file) >= full) {
                Files.move(file, earlier, StandardCopyOption.ATOMIC_MOVE);
            }
            LineFile.append(file, line);
            return file;
        });
    }

    /** Listens to what happens from now on. */
    public EventStream follow() throws IOException {
        return FileLocks.locked(lock, () -> {
            if (!Files.exists(file)) {
                Files.createFile(file); // what is put aside before it is first looked for would be missed
            }
            return new EventFollower(file, earlier);
        });
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

    /** What makes a file this file, whatever it is called; empty if there is none. */
    static Optional<Object> identity(Path file) throws IOException {
        try {
            return Optional.of(Files.getAttribute(file, "unix:ino"));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
