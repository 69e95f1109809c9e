package dev.cay.cli;

import dev.cay.Kernels;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code cay kernel}: the kernels that microVMs boot. */
final class KernelCommand implements Command {
    private static final String HINT = "write add, ls, default or rm";

    private static final Option NAME =
            Option.valued("name", "NAME", "With add: what it is to be called. By default like its release.");
    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print names only.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(NAME, QUIET, Format.OPTION);

    @Override
    public String name() {
        return "kernel";
    }

    @Override
    public String summary() {
        return "Take, list and remove the kernels of microVMs";
    }

    @Override
    public String synopsis() {
        return "add FILE... | ls | default NAME | rm NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "A microVM boots a kernel of its own (x86-64), which is taken out of Debian packages"
                        + " (linux-image-*.deb, and linux-modules-*.deb where that is apart; nothing is installed), of a"
                        + " kernel that is installed (/boot/vmlinuz-*, its modules are found in /lib/modules), or of an"
                        + " uncompressed vmlinux that has built in virtio (mmio, block, console), EROFS and overlayfs, as"
                        + " the one in libkrunfw.so has, which boots faster, with five layers at most.",
                "add prints the name. The first one is the default: what is booted if no other is asked for.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example(
                "Debian's kernel for virtual machines, out of the package",
                "cay kernel add linux-image-6.1.0-56-cloud-amd64.deb"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with kernels is missing", HINT);
        }
        List<String> rest = operands.subList(1, operands.size());
        return switch (operands.get(0)) {
            case "add" -> add(arguments, rest, format, context);
            case "ls" -> list(arguments, rest, format, context);
            case "default" ->
                EachName.apply(
                        one(rest),
                        format,
                        "preferred",
                        context,
                        (engine, name) -> engine.kernels().prefer(name));
            case "rm" ->
                EachName.apply(
                        some(rest),
                        format,
                        "removed",
                        context,
                        (engine, name) -> engine.kernels().remove(name));
            default -> throw new UsageException("unknown action '" + operands.get(0) + "'", HINT);
        };
    }

    private static List<String> some(List<String> names) {
        if (names.isEmpty()) {
            throw new UsageException("a name is missing", "see: cay kernel ls");
        }
        return names;
    }

    private static List<String> one(List<String> names) {
        if (some(names).size() > 1) {
            throw Operands.unexpected(names.get(1), "one kernel is the default");
        }
        return names;
    }

    private static int add(Arguments arguments, List<String> files, Format format, Context context) {
        if (files.isEmpty()) {
            throw new UsageException("a file is missing", "write: cay kernel add FILE...");
        }
        List<Path> paths = new ArrayList<>();
        for (String file : files) {
            paths.add(Path.of(file).toAbsolutePath());
        }
        try (Sandboxes engine = context.engine().open()) {
            Kernels.Info added = engine.kernels().add(paths, arguments.last(NAME));
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, added));
            } else {
                context.streams().print(added.name() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }

    private static int list(Arguments arguments, List<String> names, Format format, Context context) {
        Listing.requireNone(names);
        List<Kernels.Info> all;
        try (Sandboxes engine = context.engine().open()) {
            all = engine.kernels().list();
        }
        return new Listing<Kernels.Info>(
                        List.of("NAME", "RELEASE", "MODULES", "SIZE", "DEFAULT", "LACKS"),
                        Kernels.Info::name,
                        kernel -> List.of(
                                kernel.name(),
                                kernel.release(),
                                Integer.toString(kernel.modules()),
                                Figures.bytes(kernel.size().bytes()),
                                kernel.preferred() ? "yes" : "-",
                                kernel.lacking().isEmpty()
                                        ? "-"
                                        : String.join(",", kernel.lacking()) + ": add it again"),
                        KernelCommand::write)
                .print(all, arguments.has(QUIET), format, context);
    }

    private static void write(Json json, Kernels.Info kernel) throws IOException {
        json.field("name", kernel.name())
                .field("release", kernel.release())
                .field("modules", kernel.modules())
                .field("bytes", kernel.size().bytes())
                .field("default", kernel.preferred())
                .field("lacking", kernel.lacking());
    }
}
