package dev.cay.cli;

import java.util.ArrayList;
import java.util.List;

/** What all completion scripts are made of. */
final class Completions {
    /** What ends the meaning of a quotation mark in a shell, and begins it anew. */
    private static final String QUOTE = "'\\''";

    private Completions() {}

    static List<Option> options(Command command) {
        List<Option> options = new ArrayList<>();
        for (OptionSet.Group group : command.options().groups()) {
            options.addAll(group.options());
        }
        return options;
    }

    /** The values among which one can choose, such as those of {@code text|json}; none if anything else is possible. */
    static List<String> choices(Option option) {
        List<String> choices = new ArrayList<>();
        String rest = option.value();
        if (rest.indexOf('|') < 0 || rest.indexOf('[') >= 0) {
            return choices;
        }
        while (!rest.isEmpty()) {
            int bar = rest.indexOf('|');
            String choice = bar < 0 ? rest : rest.substring(0, bar);
            rest = bar < 0 ? "" : rest.substring(bar + 1);
            if (isPlain(choice)) {
                choices.add(choice);
            }
        }
        return choices;
    }

    /** Names of kinds of values are in capital letters. */
    private static boolean isPlain(String choice) {
        for (int i = 0; i < choice.length(); i++) {
            if (choice.charAt(i) < 'a' || choice.charAt(i) > 'z') {
                return false;
            }
        }
        return !choice.isEmpty();
    }

    /** Whether the value is a path of this machine, or may be. */
    static boolean takesFile(Option option) {
        String value = option.value();
        boolean ofHost = value.contains("DIR") || value.contains("FILE") || value.contains("SOURCE");
        return ofHost && !option.name().equals(CommandOptions.WORKDIR.name());
    }

    /** The beginning of a help text, up to the end of its first clause. */
    static String brief(String help) {
        int end = help.length();
        for (String mark : List.of(". ", "; ", " (")) {
            int index = help.indexOf(mark);
            end = index > 0 && index < end ? index : end;
        }
        String brief = help.substring(0, end);
        return brief.endsWith(".") ? brief.substring(0, brief.length() - 1) : brief;
    }

    /** A word for sh and its relatives. */
    static String quoted(String text) {
        return "'" + text.replace("'", QUOTE) + "'";
    }

    static String names(List<Command> commands) {
        StringBuilder names = new StringBuilder();
        for (Command command : commands) {
            names.append(names.isEmpty() ? "" : " ").append(command.name());
        }
        return names.toString();
    }
}
