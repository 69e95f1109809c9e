package dev.cay.engine.state;

import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EventStream;
import dev.cay.SandboxEvent;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;

/** What happens to sandboxes and the commands in them, and what their policies deny, in one stream. */
public final class AllEvents implements EventStream {
    private static final Duration TURN = Duration.ofMillis(100);

    private final EventStream events;
    private final DeniedConnections denied;
    private final CommandWatch commands;

    private AllEvents(EventStream events, DeniedConnections denied, CommandWatch commands) {
        this.events = events;
        this.denied = denied;
        this.commands = commands;
    }

    /** Listens to what happens from now on. */
    public static EventStream follow(SandboxStore store, DenialLog denials) throws IOException {
        EventStream events = store.events().follow();
        try {
            return new AllEvents(events, denials.follow(), new CommandWatch(store));
        } catch (IOException | RuntimeException e) {
            events.close();
            throw e;
        }
    }

    @Override
    public List<SandboxEvent> next(Duration timeout) {
        long deadline = System.nanoTime() + Math.min(timeout.toNanos(), Long.MAX_VALUE / 2);
        while (true) {
            List<SandboxEvent> next = new ArrayList<>();
            denied.next(Duration.ZERO).forEach(one -> next.add(event(one)));
            next.addAll(looked());
            long left = deadline - System.nanoTime();
            next.addAll(events.next(
                    next.isEmpty() && left > 0 ? Duration.ofNanos(Math.min(left, TURN.toNanos())) : Duration.ZERO));
            if (!next.isEmpty() || left <= 0 || Thread.currentThread().isInterrupted()) {
                next.sort(Comparator.comparing(SandboxEvent::time));
                return next;
            }
        }
    }

    private List<SandboxEvent> looked() {
        try {
            return commands.look();
        } catch (IOException e) {
            throw HostFailure.of("the commands of sandboxes", "", e);
        }
    }

    private static SandboxEvent event(DeniedConnection one) {
        String address = one.address().getHostAddress();
        String place = one.port().isPresent()
                ? (address.contains(":") ? "[" + address + "]" : address) + ":"
                        + one.port().getAsInt()
                : address;
        String detail = one.protocol() + " " + place
                + one.domain().map(name -> " " + name).orElse("") + ": " + one.rule()
                + (one.suppressed() > 0 ? " (and " + one.suppressed() + " more before)" : "");
        return new SandboxEvent(
                one.time(), one.sandbox(), one.name(), SandboxEvent.Kind.DENIED, OptionalInt.empty(), detail);
    }

    @Override
    public void close() {
        events.close();
        denied.close();
    }
}
