package dev.cay.cli;

import dev.cay.Sandboxes;
import dev.cay.SweepReport;
import java.util.List;

/** {@code cay sweep}: cleans up after processes that died. */
final class SweepCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    @Override
    public String name() {
        return "sweep";
    }

    @Override
    public String summary() {
        return "Clean up what died processes have left";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Looks for sandboxes whose makers have died: what lives is left alone (adopted), what is left over is"
                        + " removed. The exit code is 1 if something could not be cleaned up; a later sweep tries again.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("After a crash of the machine", "cay sweep"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        Operands.none(arguments);
        SweepReport report;
        try (Sandboxes engine = context.engine().open()) {
            report = engine.sweep();
        }
        if (format == Format.JSON) {
            JsonLine.print(
                    context.streams(),
                    json -> json.field("adopted", report.adopted())
                            .field("removed", report.removed())
                            .field("failures", report.failures()));
        } else {
            StringBuilder text = new StringBuilder();
            append(text, "adopted", report.adopted());
            append(text, "removed", report.removed());
            append(text, "failed", report.failures());
            context.streams().print(text.isEmpty() ? "nothing to clean up\n" : text.toString());
        }
        return report.failures().isEmpty() ? ExitCode.SUCCESS : ExitCode.PARTIAL;
    }

    private static void append(StringBuilder text, String what, List<String> names) {
        for (String name : names) {
            text.append(what).append(' ').append(Problem.printable(name)).append('\n');
        }
    }
}
