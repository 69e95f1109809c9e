package dev.cay.cli;

/** The manual page cay(1) in the language of man(7), made of the help texts of all commands. */
final class ManPage {
    private final StringBuilder text = new StringBuilder(64 * 1024);

    private ManPage() {}

    static String text() {
        ManPage page = new ManPage();
        page.addHead();
        page.macro(".SH COMMANDS");
        for (Command command : Command.all()) {
            page.add(command);
        }
        page.addTail();
        return page.text.toString();
    }

    private void addHead() {
        macro(".TH CAY 1 \"\" Cay \"User Commands\"");
        macro(".SH NAME");
        line("cay - run code you do not trust, in a sandbox of its own");
        macro(".SH SYNOPSIS");
        macro(".B cay");
        macro("\\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...");
        macro(".SH DESCRIPTION");
        line("Cay makes sandboxes, isolated Linux machines of their own, and runs commands in them, without a"
                + " daemon. 'cay run' makes one for a single command; 'cay create' makes one that lives until it"
                + " is removed.");
        macro(".PP");
        line(HelpText.SIZES);
        macro(".PP");
        line(HelpText.DURATIONS);
        macro(".PP");
        line("With --format json a command prints one JSON object for each thing on a line of its own, and an"
                + " object with the field \"error\" if it fails.");
    }

    private void add(Command command) {
        macro(".SS \"cay " + escaped(command.name() + " " + command.synopsis()).replace("\"", "\\(dq") + "\"");
        line(command.summary() + ".");
        for (String paragraph : command.description()) {
            macro(".PP");
            line(paragraph);
        }
        for (OptionSet.Group group : command.options().groups()) {
            for (Option option : group.options()) {
                macro(".TP");
                macro(tag(option));
                line(option.help());
            }
        }
        for (Command.Example example : command.examples()) {
            macro(".PP");
            line(example.meaning() + ":");
            macro(".PP");
            macro(".RS 4");
            macro(".EX");
            for (String typed : example.text().split("\n")) {
                line(typed);
            }
            macro(".EE");
            macro(".RE");
        }
    }

    private static String tag(Option option) {
        String letter = option.letter().isEmpty() ? "" : "\\fB\\-" + option.letter() + "\\fR, ";
        String value = option.takesValue() ? " \\fI" + escaped(option.value()) + "\\fR" : "";
        return letter + "\\fB" + escaped(option.spelling()) + "\\fR" + value;
    }

    private void addTail() {
        macro(".SH EXIT STATUS");
        status("0", "It was done.");
        status("1", "Some of it could not be done, or something is missing.");
        status("124", "The command's time was over.");
        status("125", "Cay itself has failed, or was called wrongly.");
        status("126", "The command cannot be run.");
        status("127", "There is no such command in the sandbox.");
        status("128 + N", "Signal N has ended the command, or cay.");
        line("'cay run', 'cay exec', 'cay attach' and 'cay start -a' exit as the command does.");
        macro(".SH ENVIRONMENT");
        status(Problem.DEBUG, "If it is set, errors come with a stack trace.");
        status("NO_COLOR", "If it is set, tables have no colours.");
    }

    private void status(String tag, String meaning) {
        macro(".TP");
        macro("\\fB" + escaped(tag) + "\\fR");
        line(meaning);
        macro(".PP");
    }

    /** A line as it is, commands for the formatter included. */
    private void macro(String line) {
        text.append(line).append('\n');
    }

    /** A line of text, which is no command even if it begins like one. */
    private void line(String line) {
        String escaped = escaped(line);
        boolean command = escaped.startsWith(".");
        text.append(command ? "\\&" : "").append(escaped).append('\n');
    }

    /** What is typed must be copied as it was: the formatter makes other characters of these. */
    private static String escaped(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            switch (text.charAt(i)) {
                case '\\' -> escaped.append("\\(rs");
                case '-' -> escaped.append("\\-");
                case '\'' -> escaped.append("\\(aq");
                case '`' -> escaped.append("\\(ga");
                case '^' -> escaped.append("\\(ha");
                case '~' -> escaped.append("\\(ti");
                default -> escaped.append(text.charAt(i));
            }
        }
        return escaped.toString();
    }
}
