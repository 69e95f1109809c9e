package dev.cay.cli;

import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Volumes;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** {@code cay volume}: directories that outlive sandboxes. */
final class VolumeCommand implements Command {
    private static final String HINT = "write create, ls or rm";

    private static final Option LIMIT =
            Option.valued("limit", "SIZE", "With create: the most it can hold. By default as much as the disk does.");
    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print names only.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(LIMIT, QUIET, Format.OPTION);

    @Override
    public String name() {
        return "volume";
    }

    @Override
    public String summary() {
        return "Make, list and remove named volumes";
    }

    @Override
    public String synopsis() {
        return "create NAME | ls | rm NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "A named volume is a directory that outlives sandboxes and that several may share: 'cay run -v"
                        + " NAME:/data' shows it at /data. It is made with the first sandbox that names it, or with"
                        + " create.",
                "ls prints name, limit and the sandboxes that have it mounted. rm removes volumes with all that is in"
                        + " them; the exit code is 1 if some could not be removed.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("A cache that many sandboxes share", """
                    cay volume create cache --limit 2g
                    cay run -v cache:/root/.cache -- true"""), new Example("Who uses which", "cay volume ls"));
    }

    @Override
    public Offer offer() {
        return Offer.VOLUMES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with volumes is missing", HINT);
        }
        List<String> names = operands.subList(1, operands.size());
        return switch (operands.get(0)) {
            case "create" -> create(arguments, names, format, context);
            case "ls" -> list(arguments, names, format, context);
            case "rm" -> remove(arguments, names, format, context);
            default -> throw new UsageException("unknown action '" + operands.get(0) + "'", HINT);
        };
    }

    private static int create(Arguments arguments, List<String> names, Format format, Context context) {
        refuse(arguments, QUIET, "create");
        if (names.size() != 1) {
            throw new UsageException("create takes one name", "write: cay volume create NAME");
        }
        Optional<String> text = arguments.last(LIMIT);
        Optional<Size> limit = text.isPresent() ? Optional.of(Values.size(LIMIT, text.get())) : Optional.empty();
        try (Sandboxes engine = context.engine().open()) {
            Volumes.Info made = engine.volumes().create(names.get(0), limit);
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, made));
            } else {
                context.streams().print(made.name() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }

    private static int list(Arguments arguments, List<String> names, Format format, Context context) {
        refuse(arguments, LIMIT, "ls");
        Listing.requireNone(names);
        List<Volumes.Info> all;
        try (Sandboxes engine = context.engine().open()) {
            all = engine.volumes().list();
        }
        return new Listing<Volumes.Info>(
                        List.of("NAME", "LIMIT", "USED BY"),
                        Volumes.Info::name,
                        volume -> List.of(
                                volume.name(),
                                volume.limit().map(Size::toString).orElse("-"),
                                volume.users().isEmpty() ? "-" : String.join(" ", volume.users())),
                        VolumeCommand::write)
                .print(all, arguments.has(QUIET), format, context);
    }

    private static int remove(Arguments arguments, List<String> names, Format format, Context context) {
        refuse(arguments, QUIET, "rm");
        refuse(arguments, LIMIT, "rm");
        if (names.isEmpty()) {
            throw new UsageException("a name is missing", "write: cay volume rm NAME");
        }
        return EachName.apply(
                names,
                format,
                "removed",
                context,
                (engine, name) -> engine.volumes().remove(name));
    }

    private static void refuse(Arguments arguments, Option option, String action) {
        if (arguments.has(option)) {
            throw new UsageException(option.spelling() + " has no effect with " + action, "leave it out");
        }
    }

    private static void write(Json json, Volumes.Info volume) throws IOException {
        json.field("name", volume.name());
        if (volume.limit().isPresent()) {
            json.field("limit_bytes", volume.limit().get().bytes());
        }
        json.field("users", volume.users());
    }
}
