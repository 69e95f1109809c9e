package dev.cay.cli;

import dev.cay.Finding;
import java.util.List;

/** {@code cay doctor}: what this machine has, or lacks. */
final class DoctorCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);
    private static final int SUBJECT_COLUMN = 9;

    /** Where details begin at the latest. */
    private static final int LAST_COLUMN = 31;

    @Override
    public String name() {
        return "doctor";
    }

    @Override
    public String summary() {
        return "Say whether this machine can run sandboxes";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Looks at everything that sandboxes need, changes nothing, and says what to do about what is limited or"
                        + " missing. The exit code is 1 if something is missing without which no sandbox can be made.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Before anything else, on a new machine", "cay doctor"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        Operands.none(arguments);
        List<Finding> findings = context.diagnosis().get();
        boolean missing = false;
        for (Finding finding : findings) {
            missing |= finding.verdict() == Finding.Verdict.MISSING;
            if (format == Format.JSON) {
                JsonLine.print(
                        context.streams(),
                        json -> json.field("subject", finding.subject())
                                .field("verdict", finding.verdict().text())
                                .field("detail", finding.detail())
                                .field("fix", finding.fix()));
            }
        }
        if (format == Format.TEXT) {
            context.streams().print(context.printsToTerminal() ? forPeople(findings, context) : forPrograms(findings));
        }
        return missing ? ExitCode.PARTIAL : ExitCode.SUCCESS;
    }

    private static String forPrograms(List<Finding> findings) {
        StringBuilder text = new StringBuilder();
        for (Finding finding : findings) {
            String line = finding.verdict().text() + "\t" + Problem.printable(finding.subject()) + "\t"
                    + oneLine(finding.detail()) + "\t" + Problem.printable(finding.fix());
            text.append(line.stripTrailing()).append('\n');
        }
        return text.toString();
    }

    /** What a program has said may be several. */
    private static String oneLine(String text) {
        return Problem.printable(text.replace("\n", " "));
    }

    /** Details and fixes are sentences: they are wrapped, where a table would cut them off. */
    private static String forPeople(List<Finding> findings, Context context) {
        StringBuilder text = new StringBuilder();
        int column = column(findings);
        for (Finding finding : findings) {
            String verdict = finding.verdict().text();
            String padded = verdict + " ".repeat(Math.max(1, SUBJECT_COLUMN - verdict.length()));
            String subject = Problem.printable(finding.subject());
            String left = paint(padded, finding.verdict(), context.printsColours()) + subject;
            int width = padded.length() + subject.length();
            List<String> lines = HelpText.wrap(oneLine(finding.detail()), HelpText.WIDTH - column);
            boolean fits = width < column;
            text.append(left)
                    .append(fits ? " ".repeat(column - width) + lines.get(0) : "")
                    .append('\n');
            append(text, column, fits ? lines.subList(1, lines.size()) : lines);
            if (!finding.fix().isEmpty()) {
                append(
                        text,
                        column,
                        HelpText.wrap("fix: " + Problem.printable(finding.fix()), HelpText.WIDTH - column));
            }
        }
        return text.toString();
    }

    private static int column(List<Finding> findings) {
        int longest = 0;
        for (Finding finding : findings) {
            longest = Math.max(longest, finding.subject().length());
        }
        return Math.min(LAST_COLUMN, SUBJECT_COLUMN + longest + 2);
    }

    private static void append(StringBuilder text, int column, List<String> lines) {
        for (String line : lines) {
            text.append(" ".repeat(column)).append(line).append('\n');
        }
    }

    private static String paint(String text, Finding.Verdict verdict, boolean colours) {
        Table.Mood mood = switch (verdict) {
            case GOOD -> Table.Mood.GOOD;
            case LIMITED -> Table.Mood.ODD;
            case MISSING -> Table.Mood.BAD;
        };
        return colours ? mood.paint(text) : text;
    }
}
