package dev.cay.cli;

import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Templates;
import java.io.IOException;
import java.util.List;

/** {@code cay template}: what microVMs begin with instead of booting. */
final class TemplateCommand implements Command {
    private static final String HINT = "write create, ls or rm";

    private static final Size DEFAULT_MEMORY = Size.mib(512);

    private static final Option MEMORY = Option.valued(
            "memory", "SIZE", "With create: the memory of the microVMs that are to begin with it. By default 512m.");
    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print names only.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(MEMORY, QUIET, Format.OPTION);

    @Override
    public String name() {
        return "template";
    }

    @Override
    public String summary() {
        return "Make, list and remove what microVMs begin with instead of booting";
    }

    @Override
    public String synopsis() {
        return "create NAME [--memory SIZE] | ls | rm NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "A template is a machine that was halted when it had booted. A microVM begins there instead of booting,"
                        + " as soon as there is one that fits it: of the default kernel, this version of Cay and of the"
                        + " VMM, and with as much memory. It has its own clock, random numbers, names and disks, and what"
                        + " it writes into its memory is its own.",
                "ls says whether a template can be used: one of another kernel or of another version cannot.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example(
                "From now on microVMs with 256 MiB of memory do not boot", "cay template create small --memory 256m"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with templates is missing", HINT);
        }
        List<String> rest = operands.subList(1, operands.size());
        return switch (operands.get(0)) {
            case "create" -> create(arguments, some(rest), format, context);
            case "ls" -> list(arguments, rest, format, context);
            case "rm" ->
                EachName.apply(
                        some(rest),
                        format,
                        "removed",
                        context,
                        (engine, name) -> engine.templates().remove(name));
            default -> throw new UsageException("unknown action '" + operands.get(0) + "'", HINT);
        };
    }

    private static List<String> some(List<String> names) {
        if (names.isEmpty()) {
            throw new UsageException("a name is missing", "see: cay template ls");
        }
        return names;
    }

    private static int create(Arguments arguments, List<String> names, Format format, Context context) {
        if (names.size() > 1) {
            throw Operands.unexpected(names.get(1), "a template has one name");
        }
        Size memory =
                arguments.last(MEMORY).map(text -> Values.size(MEMORY, text)).orElse(DEFAULT_MEMORY);
        try (Sandboxes engine = context.engine().open()) {
            Templates.Info made = engine.templates().create(names.get(0), memory);
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, made));
            } else {
                context.streams().print(made.name() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }

    private static int list(Arguments arguments, List<String> names, Format format, Context context) {
        if (!names.isEmpty()) {
            throw Operands.unexpected(names.get(0), "leave it out");
        }
        List<Templates.Info> templates;
        try (Sandboxes engine = context.engine().open()) {
            templates = engine.templates().list();
        }
        Table table = new Table("NAME", "KERNEL", "MEMORY", "SIZE", "USABLE");
        StringBuilder quiet = new StringBuilder();
        for (Templates.Info template : templates) {
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, template));
            }
            quiet.append(template.name()).append('\n');
            table.row(
                    Table.cell(template.name()),
                    Table.cell(template.kernel()),
                    Table.cell(Figures.bytes(template.memory().bytes())),
                    Table.cell(Figures.bytes(template.size().bytes())),
                    Table.cell(template.usable() ? "yes" : "-"));
        }
        if (format == Format.TEXT) {
            context.streams().print(arguments.has(QUIET) ? quiet.toString() : table.text(context));
        }
        return ExitCode.SUCCESS;
    }

    private static void write(Json json, Templates.Info template) throws IOException {
        json.field("name", template.name())
                .field("kernel", template.kernel())
                .field("memory", template.memory().bytes())
                .field("bytes", template.size().bytes())
                .field("created", template.created().toString())
                .field("usable", template.usable());
    }
}
