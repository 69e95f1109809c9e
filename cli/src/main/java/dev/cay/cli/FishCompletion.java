package dev.cay.cli;

import java.util.List;

/** The completion script for fish(1). */
final class FishCompletion {
    private static final String SANDBOXES = "(cay completion sandboxes 2>/dev/null)";
    private static final String IMAGES = "(cay completion images 2>/dev/null)";
    private static final String VOLUMES = "(cay completion volumes 2>/dev/null)";

    private FishCompletion() {}

    static String script() {
        StringBuilder text = new StringBuilder(16 * 1024);
        text.append("# Completes command lines of cay in fish. Printed by: cay completion fish\n\n");
        text.append("""
                # Whether the words before this one are those of a command, and how many: '-ge', '-eq' or '-gt' two.
                function __cay_command
                    set -l words (commandline -opc)
                    test "$words[2]" = $argv[1]; and test (count $words) $argv[2] 2
                end

                complete -c cay -f
                """);
        for (Command command : Command.all()) {
            text.append("complete -c cay -n __fish_use_subcommand -a ")
                    .append(command.name())
                    .append(" -d ")
                    .append(quoted(command.summary()))
                    .append('\n');
        }
        for (Command command : Command.all()) {
            for (Option option : Completions.options(command)) {
                append(text.append(start(command, "-ge")), option);
            }
            text.append(operands(command));
        }
        return text.toString();
    }

    private static String start(Command command, String words) {
        return "complete -c cay -n '__cay_command " + command.name() + " " + words + "'";
    }

    private static void append(StringBuilder text, Option option) {
        if (!option.letter().isEmpty()) {
            text.append(" -s ").append(option.letter());
        }
        text.append(" -l ").append(option.name());
        if (option.takesValue()) {
            List<String> choices = Completions.choices(option);
            text.append(Completions.takesFile(option) ? " -r -F" : " -x");
            text.append(choices.isEmpty() ? "" : " -a " + quoted(String.join(" ", choices)));
        }
        text.append(" -d ").append(quoted(Completions.brief(option.help()))).append('\n');
    }

    private static String operands(Command command) {
        String start = start(command, "-ge");
        String first = start(command, "-eq");
        String later = start(command, "-gt");
        return switch (command.offer()) {
            case NOTHING -> "";
            case SANDBOXES -> start + " -a " + quoted(SANDBOXES) + "\n";
            case PROGRAMS -> start + " -F -a '(__fish_complete_command)'\n";
            case RUNNABLE -> start + " -F -a '(__fish_complete_command)'\n" + start + " -a " + quoted(IMAGES) + "\n";
            case IMAGE_NAMES -> start + " -a " + quoted(IMAGES) + "\n";
            case PLACES ->
                start + " -F -a " + quoted("(cay completion sandboxes 2>/dev/null | string replace -r '$' ':')") + "\n";
            case COMMANDS -> start + " -a " + quoted(Completions.names(Command.all())) + "\n";
            case SHELLS -> start + " -a 'bash zsh fish'\n";
            case IMAGES ->
                first + " -a 'check import inspect load ls prune rm save tag'\n" + later + " -a " + quoted(IMAGES)
                        + "\n";
            case VOLUMES -> first + " -a 'create ls rm'\n" + later + " -a " + quoted(VOLUMES) + "\n";
            case NETWORKS -> first + " -a 'create ls inspect rm'\n";
        };
    }

    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
