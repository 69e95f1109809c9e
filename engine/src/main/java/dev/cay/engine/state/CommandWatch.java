package dev.cay.engine.state;

import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.SandboxEvent;
import dev.cay.SandboxEvent.Kind;
import dev.cay.SandboxException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * What happens to the commands that are started in sandboxes besides their own. Who starts one writes nothing for that: whoever wants
 * to know looks at the records of commands again and again. Not thread-safe.
 */
final class CommandWatch {
    private static final int MAXIMUM_DETAIL = 512;

    /** Of what has changed a moment ago more may change at the same time, as the kernel tells it. */
    private static final Duration MOMENT = Duration.ofMillis(50);

    private final SandboxStore store;
    private final Map<String, Seen> sandboxes = new HashMap<>();

    /** What is known of a sandbox. */
    private static final class Seen {
        private final String name;
        private final Set<Integer> running = new TreeSet<>();
        private Instant changed = Instant.MIN;
        private int last = Executions.OWN;

        Seen(String name) {
            this.name = name;
        }
    }

    /** What there is already is not told of, but for its end. */
    CommandWatch(SandboxStore store) throws IOException {
        this.store = store;
        look();
    }

    /** What has happened since it was looked last. */
    List<SandboxEvent> look() throws IOException {
        List<SandboxEvent> events = new ArrayList<>();
        List<String> ids = store.ids();
        sandboxes.keySet().retainAll(new HashSet<>(ids));
        for (String id : ids) {
            try {
                look(id, events);
            } catch (SandboxException.NotFound | SandboxException.Unsupported | SandboxException.HostFailed e) {
                // it has just been removed, or is for a sweep to deal with
            }
        }
        return events;
    }

    private void look(String id, List<SandboxEvent> events) throws IOException {
        Seen seen = sandboxes.get(id);
        if (seen == null) {
            seen = new Seen(store.read(id).name());
            sandboxes.put(id, seen);
        }
        Executions executions = store.executions(id);
        Instant changed = executions.changed();
        if (!changed.equals(seen.changed)) {
            for (int number : executions.numbersAfter(seen.last)) {
                seen.last = number;
                begin(id, seen, executions, number, events);
            }
            seen.changed = changed.isBefore(Instant.now().minus(MOMENT)) ? changed : Instant.MIN;
        }
        for (int number : List.copyOf(seen.running)) {
            end(id, seen, executions, number, events);
        }
    }

    private static void begin(String id, Seen seen, Executions executions, int number, List<SandboxEvent> events)
            throws IOException {
        try {
            ExecutionInfo info = executions.info(number, false);
            seen.running.add(number);
            events.add(event(info.started(), id, seen.name, Kind.STARTED, number, String.join(" ", info.command())));
        } catch (SandboxException.NotFound | SandboxException.HostFailed e) {
            // it has been forgotten already, or the sandbox has spoilt its record
        }
    }

    private static void end(String id, Seen seen, Executions executions, int number, List<SandboxEvent> events)
            throws IOException {
        try {
            Optional<Exit> exit = executions.info(number, false).exit();
            if (exit.isPresent()) {
                seen.running.remove(number);
                Instant time = executions.record(number).header().ended().orElseGet(Instant::now);
                events.add(event(time, id, seen.name, Kind.EXITED, number, Lifecycle.text(exit.get())));
            }
        } catch (SandboxException.NotFound | SandboxException.HostFailed e) {
            seen.running.remove(number); // it has just been forgotten, or the sandbox has spoilt its record
        }
    }

    private static SandboxEvent event(Instant time, String id, String name, Kind kind, int number, String detail) {
        String cut = detail.length() <= MAXIMUM_DETAIL ? detail : detail.substring(0, MAXIMUM_DETAIL);
        return new SandboxEvent(time, id, name, kind, OptionalInt.of(number), cut);
    }
}
