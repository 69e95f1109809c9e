package dev.cay.cli;

import java.util.List;
import java.util.Optional;

/** One command of {@code cay}. Its help text is made from what it says about itself. */
sealed interface Command permits HelpCommand, RunCommand, VersionCommand {
    /**
     * A command line to copy.
     *
     * @param text what is typed, on one line or on several
     * @param meaning what it is an example of
     */
    record Example(String meaning, String text) {}

    String name();

    /** What it does, in less than a line. */
    String summary();

    /** What is typed behind its name. */
    String synopsis();

    /** Paragraphs of its help text. */
    List<String> description();

    OptionSet options();

    List<Example> examples();

    /** Does it, and returns the exit code of {@code cay}. */
    int run(Arguments arguments, Context context);

    /** All commands, in the order of the help text. */
    static List<Command> all() {
        return List.of(new RunCommand(), new VersionCommand(), new HelpCommand());
    }

    /** Makes only the one that is asked for: every class that is not loaded is time saved. */
    static Optional<Command> named(String name) {
        return switch (name) {
            case "run" -> Optional.of(new RunCommand());
            case "version" -> Optional.of(new VersionCommand());
            case "help" -> Optional.of(new HelpCommand());
            default -> Optional.empty();
        };
    }
}
