package dev.cay.cli;

import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import dev.cay.Snapshots;
import java.io.IOException;
import java.util.List;

/** {@code cay snapshot}: microVMs that are kept as they are. */
final class SnapshotCommand implements Command {
    private static final String EXAMPLE = "cay snapshot NAME SNAPSHOT";
    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print names only.");
    private static final OptionSet OPTIONS = OptionSet.anywhere(QUIET, Format.OPTION);

    @Override
    public String name() {
        return "snapshot";
    }

    @Override
    public String summary() {
        return "Keep microVMs as they are, list and remove what is kept";
    }

    @Override
    public String synopsis() {
        return "NAME SNAPSHOT | ls | rm SNAPSHOT...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Keeps a microVM as it is at one moment: its memory, its disk and the commands that run in it. It stands still"
                        + " meanwhile, and goes on. 'cay restore' makes sandboxes of it.",
                "A sandbox with a volume, with files of this machine (-v) or with the init of its image cannot be kept, nor can"
                        + " a container. Any process of its owner keeps it, whether it is detached (cay run -d) or ends with another one.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Keep it, and go on there twice", """
            cay snapshot lab before
            cay restore before -- make test
            cay restore before -- make install"""));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = Operands.some(arguments, EXAMPLE);
        List<String> rest = operands.subList(1, operands.size());
        return switch (operands.get(0)) {
            case "ls" -> list(arguments, rest, format, context);
            case "rm" ->
                EachName.apply(
                        some(rest),
                        format,
                        "removed",
                        context,
                        (engine, name) -> engine.snapshots().remove(name));
            default -> create(operands.get(0), some(rest), format, context);
        };
    }

    private static List<String> some(List<String> names) {
        if (names.isEmpty()) {
            throw new UsageException("the name of a snapshot is missing", "write: " + EXAMPLE);
        }
        return names;
    }

    private static int create(String name, List<String> names, Format format, Context context) {
        if (names.size() > 1) {
            throw Operands.unexpected(names.get(1), "a snapshot has one name");
        }
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(name)) {
            print(engine.snapshots().create(sandbox, names.get(0)), format, context);
        }
        return ExitCode.SUCCESS;
    }

    static void print(Snapshots.Info made, Format format, Context context) {
        if (format == Format.JSON) {
            JsonLine.print(context.streams(), json -> write(json, made));
        } else {
            context.streams().print(made.name() + "\n");
        }
    }

    private static int list(Arguments arguments, List<String> names, Format format, Context context) {
        Listing.requireNone(names);
        List<Snapshots.Info> all;
        try (Sandboxes engine = context.engine().open()) {
            all = engine.snapshots().list();
        }
        return new Listing<Snapshots.Info>(
                        List.of("NAME", "IMAGE", "MEMORY", "SIZE", "CREATED"),
                        Snapshots.Info::name,
                        snapshot -> List.of(
                                snapshot.name(),
                                snapshot.image(),
                                Figures.bytes(snapshot.memory().bytes()),
                                Figures.bytes(snapshot.size().bytes()),
                                snapshot.created().toString()),
                        SnapshotCommand::write)
                .print(all, arguments.has(QUIET), format, context);
    }

    private static void write(Json json, Snapshots.Info snapshot) throws IOException {
        json.field("name", snapshot.name())
                .field("image", snapshot.image())
                .field("memory", snapshot.memory().bytes())
                .field("bytes", snapshot.size().bytes())
                .field("haltedMilliseconds", snapshot.halted().toMillis())
                .field("created", snapshot.created().toString());
    }
}
