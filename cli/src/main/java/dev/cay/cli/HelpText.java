package dev.cay.cli;

import java.util.ArrayList;
import java.util.List;

/** Lays out help texts, made for a terminal of 80 columns. */
final class HelpText {
    static final int WIDTH = 80;
    static final String SIZES = "A SIZE is a number of bytes or of units of 1024: 4096, 64k, 256m, 2g.";
    static final String DURATIONS = "A DURATION is a number of seconds or has a unit: 2.5, 500ms, 10s, 1.5m, 1h.";

    private static final int OPTION_HELP_COLUMN = 28;
    private static final int COMMAND_HELP_COLUMN = 14;
    private static final String INDENT = "  ";
    private static final String EXAMPLE_INDENT = "    ";

    private final StringBuilder text = new StringBuilder(4096);

    private HelpText() {}

    /** The help of {@code cay} itself. */
    static String overview() {
        HelpText help = new HelpText();
        help.line("Cay runs code you do not trust, in a sandbox of its own.");
        help.line("");
        help.line("Usage: cay COMMAND [OPTIONS]");
        help.line("");
        help.line("Commands:");
        for (Command command : Command.all()) {
            help.row(INDENT + command.name(), COMMAND_HELP_COLUMN, command.summary());
        }
        help.line("");
        help.line("Try it:");
        help.line(INDENT + "cay run -- sh -c 'echo hello from $(hostname)'");
        help.line("");
        help.line("'cay help COMMAND' or 'cay COMMAND --help' tells more.");
        return help.text.toString();
    }

    /** The help of one command. */
    static String of(Command command) {
        HelpText help = new HelpText();
        help.line("Usage: cay " + command.name() + " " + command.synopsis());
        for (String paragraph : command.description()) {
            help.line("");
            help.paragraph(paragraph);
        }
        for (OptionSet.Group group : command.options().groups()) {
            help.line("");
            help.line(group.title() + ":");
            for (Option option : group.options()) {
                help.row(left(option), OPTION_HELP_COLUMN, option.help());
            }
        }
        help.line("");
        help.line("Examples:");
        for (Command.Example example : command.examples()) {
            help.line(INDENT + example.meaning() + ":");
            help.line(EXAMPLE_INDENT + example.text().replace("\n", "\n" + EXAMPLE_INDENT));
        }
        help.addUnits(command);
        return help.text.toString();
    }

    /** Explained once and not at each of the options that take one. */
    private void addUnits(Command command) {
        boolean sizes = false;
        boolean durations = false;
        for (OptionSet.Group group : command.options().groups()) {
            for (Option option : group.options()) {
                sizes |= option.value().contains("SIZE");
                durations |= option.value().equals("DURATION");
            }
        }
        if (sizes || durations) {
            line("");
        }
        if (sizes) {
            line(SIZES);
        }
        if (durations) {
            line(DURATIONS);
        }
    }

    private static String left(Option option) {
        String letter = option.letter().isEmpty() ? "    " : "-" + option.letter() + ", ";
        String value = option.takesValue() ? " " + option.value() : "";
        return INDENT + letter + option.spelling() + value;
    }

    /** A row of two columns; a left one that is too long gets a line of its own. */
    private void row(String left, int column, String right) {
        List<String> lines = wrap(right, WIDTH - column);
        int first = 0;
        if (left.length() + INDENT.length() <= column) {
            line(left + " ".repeat(column - left.length()) + lines.get(0));
            first = 1;
        } else {
            line(left);
        }
        for (String rest : lines.subList(first, lines.size())) {
            line(" ".repeat(column) + rest);
        }
    }

    private void paragraph(String words) {
        for (String wrapped : wrap(words, WIDTH)) {
            line(wrapped);
        }
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    /** Breaks a text at blanks; a word that is longer than a line stays whole. */
    static List<String> wrap(String text, int width) {
        List<String> lines = new ArrayList<>();
        String rest = text;
        while (rest.length() > width) {
            int end = rest.lastIndexOf(' ', width);
            if (end <= 0) {
                end = rest.indexOf(' ');
            }
            if (end < 0) {
                break;
            }
            lines.add(rest.substring(0, end));
            rest = rest.substring(end + 1);
        }
        lines.add(rest);
        return lines;
    }
}
