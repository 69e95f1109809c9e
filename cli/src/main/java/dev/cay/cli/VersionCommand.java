package dev.cay.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code cay version}: what runs here, for a bug report. */
final class VersionCommand implements Command {
    private static final OptionSet OPTIONS =
            OptionSet.of(List.of(new OptionSet.Group("Options", List.of(Format.OPTION))), List.of());

    @Override
    public String name() {
        return "version";
    }

    @Override
    public String summary() {
        return "Print the versions of cay, Java and the kernel";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS]";
    }

    @Override
    public List<String> description() {
        return List.of("Prints what a bug report should begin with.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("For a program to read", "cay version --format json"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        if (!arguments.operands().isEmpty()) {
            throw new UsageException(
                    "unexpected argument '" + arguments.operands().get(0) + "'", "leave it out");
        }
        context.streams()
                .print(
                        switch (format) {
                            case TEXT -> text();
                            case JSON -> json();
                        });
        return ExitCode.SUCCESS;
    }

    private static String text() {
        return "cay " + version() + "\njava " + java() + "\nkernel " + kernel() + " " + architecture() + "\n";
    }

    private static String json() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            new Json(out)
                    .begin()
                    .field("version", version())
                    .field("java", java())
                    .field("kernel", kernel())
                    .field("architecture", architecture())
                    .end();
        } catch (IOException e) {
            throw new UncheckedIOException("memory cannot be written to", e);
        }
        return out.toString(StandardCharsets.UTF_8) + "\n";
    }

    /** From the module, to which the build gives it; classes that run from a folder have none. */
    private static String version() {
        ModuleDescriptor descriptor = VersionCommand.class.getModule().getDescriptor();
        if (descriptor != null && descriptor.rawVersion().isPresent()) {
            return descriptor.rawVersion().get();
        }
        String manifest = VersionCommand.class.getPackage().getImplementationVersion();
        return manifest == null ? "development" : manifest;
    }

    private static String java() {
        return Runtime.version().toString();
    }

    private static String kernel() {
        return System.getProperty("os.version", "unknown");
    }

    private static String architecture() {
        return System.getProperty("os.arch", "unknown");
    }
}
