package dev.cay.cli;

import dev.cay.SandboxInfo;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code cay ps}: the sandboxes of this machine. */
final class PsCommand implements Command {
    private static final Option ALL = Option.flag("a", "all", "Those too whose command has ended, and dead ones.");
    private static final Option QUIET = Option.flag("q", "quiet", "Print ids only.");
    private static final Option FILTER = Option.valued(
            "f",
            "filter",
            "WHAT=VALUE",
            "Only those that fit: label=NAME, label=NAME=VALUE, name=NAME or state=STATE (with --all). May be"
                    + " repeated.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(ALL, FILTER, QUIET, Format.OPTION);

    @Override
    public String name() {
        return "ps";
    }

    @Override
    public String summary() {
        return "List sandboxes";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS]";
    }

    @Override
    public List<String> description() {
        return List.of("Lists the sandboxes of this machine, in the order they were made. Those that end with the"
                + " process that made them are attached (running, for --filter and JSON); they are seen a quarter of a second after they were made, or"
                + " at once if they have a name. On a terminal it is a table;"
                + " otherwise the values of a sandbox are on a line, separated by tabs and not shortened, and the"
                + " time of its making is a date.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("Remove all that have a label", "cay rm -f $(cay ps -aq --filter label=ci)"),
                new Example("For a program to read", "cay ps --all --format json"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        Operands.none(arguments);
        List<String> filters = arguments.all(FILTER);
        for (String filter : filters) {
            check(filter);
        }
        List<SandboxInfo> sandboxes;
        try (Sandboxes engine = context.engine().open()) {
            sandboxes = engine.list();
        }
        Table table = new Table("ID", "NAME", "STATE", "COMMAND", "CREATED", "ROOT");
        StringBuilder ids = new StringBuilder();
        for (SandboxInfo info : sandboxes) {
            if ((arguments.has(ALL) || lives(info.state())) && fits(info, filters)) {
                if (format == Format.JSON) {
                    JsonLine.print(context.streams(), json -> InfoJson.writeTo(json, info));
                }
                ids.append(info.id()).append('\n');
                addTo(table, info, context);
            }
        }
        if (format == Format.TEXT) {
            context.streams().print(arguments.has(QUIET) ? ids.toString() : table.text(context));
        }
        return ExitCode.SUCCESS;
    }

    private static void addTo(Table table, SandboxInfo info, Context context) {
        String created = context.printsToTerminal()
                ? Figures.age(Duration.between(info.created(), context.time().now())) + " ago"
                : info.created().toString();
        table.row(
                Table.cell(info.id()),
                Table.cell(info.spec().name().orElse("-")),
                Descriptions.state(info),
                Table.cell(Descriptions.command(info)),
                Table.cell(created),
                Table.cell(Descriptions.root(info.spec().root())));
    }

    private static boolean lives(SandboxState state) {
        return switch (state) {
            case CREATING, CREATED, RUNNING, REMOVING -> true;
            case EXITED, DEAD -> false;
        };
    }

    private static void check(String filter) {
        boolean known = filter.startsWith("label=") || filter.startsWith("name=") || filter.startsWith("state=");
        if (!known) {
            throw Values.refuse(
                    FILTER,
                    "'" + filter + "' is not a filter",
                    "write label=NAME, label=NAME=VALUE, name=NAME or state=STATE");
        }
    }

    private static boolean fits(SandboxInfo info, List<String> filters) {
        for (String filter : filters) {
            int equals = filter.indexOf('=');
            String value = filter.substring(equals + 1);
            boolean fits = switch (filter.substring(0, equals)) {
                case "label" -> hasLabel(info.spec().labels(), value);
                case "name" -> info.name().equals(value);
                default -> Descriptions.stateText(info).equals(value);
            };
            if (!fits) {
                return false;
            }
        }
        return true;
    }

    private static boolean hasLabel(Map<String, String> labels, String wanted) {
        int equals = wanted.indexOf('=');
        if (equals < 0) {
            return labels.containsKey(wanted);
        }
        Optional<String> value = Optional.ofNullable(labels.get(wanted.substring(0, equals)));
        return value.isPresent() && value.get().equals(wanted.substring(equals + 1));
    }
}
