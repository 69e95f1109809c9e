package dev.cay.cli;

import dev.cay.EventStream;
import dev.cay.SandboxEvent;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** {@code cay events}: what happens to sandboxes. */
final class EventsCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    /** Only says how often we look whether to go on. */
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    @Override
    public String name() {
        return "events";
    }

    @Override
    public String summary() {
        return "Print what happens to sandboxes, as it happens";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Prints a line for everything that happens to any sandbox of this machine from now on, until it is"
                        + " interrupted: when, the id, the name, what (created, started, exited, stopped, paused, resumed,"
                        + " died, removed, denied), to which command of it, and details.",
                "Commands are told by their numbers: the sandbox's own is 1, what 'cay exec' runs has others, each with"
                        + " what was started and how it ended. Of a sandbox that ends with another process, what that runs in it"
                        + " is not told; of a microVM, the end of a command that nobody waits for is when somebody asks.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("For a program to read", "cay events --format json"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        Operands.none(arguments);
        try (Sandboxes engine = context.engine().open();
                EventStream events = engine.events()) {
            while (!context.engine().stopping()) {
                for (SandboxEvent event : events.next(INTERVAL)) {
                    if (format == Format.JSON) {
                        JsonLine.print(context.streams(), json -> write(json, event));
                    } else {
                        context.streams().print(context.printsToTerminal() ? forPeople(event) : text(event));
                    }
                }
            }
        }
        return ExitCode.SUCCESS;
    }

    private static void write(Json json, SandboxEvent event) throws IOException {
        json.field("time", event.time().toString())
                .field("id", event.id())
                .field("name", event.name())
                .field("event", event.kind().text());
        if (event.execution().isPresent()) {
            json.field("execution", event.execution().getAsInt());
        }
        json.field("detail", event.detail());
    }

    private static String forPeople(SandboxEvent event) {
        StringBuilder what = new StringBuilder(event.kind().text());
        if (event.execution().isPresent()) {
            what.append(' ').append(event.execution().getAsInt());
        }
        if (!event.detail().isEmpty()) {
            what.append(": ").append(event.detail());
        }
        return News.text(event.time(), event.id(), event.name(), what.toString());
    }

    private static String text(SandboxEvent event) {
        String execution = event.execution().isPresent()
                ? Integer.toString(event.execution().getAsInt())
                : "-";
        String line = event.time() + " " + event.id() + " " + event.name() + " "
                + event.kind().text() + " " + execution + " " + event.detail();
        return Problem.printable(line.stripTrailing()) + "\n";
    }
}
