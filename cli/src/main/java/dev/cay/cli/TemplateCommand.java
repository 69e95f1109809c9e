package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Templates;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** {@code cay template}: what microVMs begin with instead of booting. */
final class TemplateCommand implements Command {
    private static final String HINT = "write create, ls or rm";

    private static final Size DEFAULT_MEMORY = Size.mib(512);

    private static final Option MEMORY = Option.valued(
            "memory", "SIZE", "With create: the memory of the microVMs that are to begin with it. By default 512m.");
    private static final Option CPUS = Option.valued(
            "cpus",
            "N",
            "With create: the processors of those microVMs, as 'cay run' has it. By default one; a template of 2 serves those"
                    + " with more than one and up to two.");
    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print names only.");

    private static final Option IMAGE = Option.valued(
            "image",
            "IMAGE",
            "With create: go further, until this image is its root; 'cay restore NAME' begins there.");
    private static final Option AFTER = Option.valued(
            "after", "COMMAND", "With create and --image: go further, until this command of its shell has ended well.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(MEMORY, CPUS, IMAGE, AFTER, QUIET, Format.OPTION);

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
        return "create NAME [OPTIONS] | ls | rm NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "A template is a machine that was halted when it had booted. A microVM begins there instead of booting,"
                        + " as soon as there is one that fits it: of the default kernel, this version of Cay and of the"
                        + " VMM, and with as much memory and as many processors. It has its own clock, random numbers, names and disks, and what"
                        + " it writes into its memory is its own.",
                "With --image what is kept is a sandbox of that image: 'cay restore NAME -- COMMAND' begins there, with the image"
                        + " mounted, and with --after with all that the command has made of its memory and its files. What it"
                        + " has left running goes on in each of them. It is a snapshot, so 'cay snapshot ls' lists it.",
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
        OptionalDouble cpus = arguments
                .last(CPUS)
                .map(text -> OptionalDouble.of(Values.decimal(CPUS, text)))
                .orElse(OptionalDouble.empty());
        Optional<String> image = arguments.last(IMAGE);
        Optional<String> after = arguments.last(AFTER);
        if (image.isPresent()) {
            return keep(names.get(0), spec(image.get(), memory, cpus), after, format, context);
        }
        if (after.isPresent()) {
            throw new UsageException("--after needs an image that has the command", "add --image IMAGE");
        }
        try (Sandboxes engine = context.engine().open()) {
            Templates.Info made = engine.templates().create(names.get(0), memory, (int) Math.ceil(cpus.orElse(1)));
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, made));
            } else {
                context.streams().print(made.name() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }

    private static SandboxSpec spec(String image, Size memory, OptionalDouble cpus) {
        SandboxSpec.Builder spec =
                SandboxSpec.image(image).isolation(Isolation.MICROVM).memory(memory);
        cpus.ifPresent(spec::cpus);
        return spec.build();
    }

    private static int keep(String name, SandboxSpec spec, Optional<String> after, Format format, Context context) {
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.create(spec)) {
            if (after.isPresent()) {
                Exit exit = carryOut(after.get(), sandbox, context);
                if (!exit.success()) {
                    context.streams().say("cay: '" + after.get() + "' has failed: there is no template\n");
                    return exit.shellCode();
                }
            }
            SnapshotCommand.print(engine.snapshots().create(sandbox, name), format, context);
        }
        return ExitCode.SUCCESS;
    }

    /** What it has to say is not what is asked for. */
    private static Exit carryOut(String line, Sandbox sandbox, Context context) {
        Relay.Outcome outcome;
        try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", line))) {
            OutputStream err = context.streams().err();
            outcome = new Relay(execution, InputStream.nullInputStream(), err, err).run();
        }
        outcome.check(context);
        return outcome.exit();
    }

    private static int list(Arguments arguments, List<String> names, Format format, Context context) {
        Listing.requireNone(names);
        List<Templates.Info> all;
        try (Sandboxes engine = context.engine().open()) {
            all = engine.templates().list();
        }
        return new Listing<Templates.Info>(
                        List.of("NAME", "KERNEL", "MEMORY", "CPUS", "SIZE", "USABLE"),
                        Templates.Info::name,
                        template -> List.of(
                                template.name(),
                                template.kernel(),
                                Figures.bytes(template.memory().bytes()),
                                Integer.toString(template.processors()),
                                Figures.bytes(template.size().bytes()),
                                template.usable() ? "yes" : "-"),
                        TemplateCommand::write)
                .print(all, arguments.has(QUIET), format, context);
    }

    private static void write(Json json, Templates.Info template) throws IOException {
        json.field("name", template.name())
                .field("kernel", template.kernel())
                .field("memory", template.memory().bytes())
                .field("cpus", template.processors())
                .field("bytes", template.size().bytes())
                .field("created", template.created().toString())
                .field("usable", template.usable());
    }
}
