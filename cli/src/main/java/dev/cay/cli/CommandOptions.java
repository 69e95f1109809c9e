package dev.cay.cli;

import dev.cay.ExecSpec;
import java.util.List;

/** What can be said about a command that is to be run. */
final class CommandOptions {
    static final Option INTERACTIVE = Option.flag(
            "i", "interactive", "Standard input is always connected; with --detach, keep it open for 'cay attach'.");
    static final Option INPUT_OF_START =
            Option.flag("i", "interactive", "Accepted and without effect: 'cay start -i' connects standard input.");
    static final Option TERMINAL = Option.flag(
            "t", "tty", "Give the command a terminal as large as yours, which passes on every key, Ctrl-C included.");
    static final Option DETACH = Option.flag("d", "detach", "Let it run on its own and return at once.");
    static final Option KEPT = Option.valued(
            "kept",
            "SIZE",
            "How much of each stream 'cay logs' can read later. By default " + ExecSpec.DEFAULT_KEPT + ", at most "
                    + ExecSpec.MAXIMUM_KEPT + ".");
    static final Option TIMEOUT =
            Option.valued("timeout", "DURATION", "End the command with SIGTERM if it runs longer than that.");
    static final Option GRACE = Option.valued(
            "grace",
            "DURATION",
            "How long after SIGTERM it is killed. By default " + Durations.text(ExecSpec.DEFAULT_GRACE) + ".");

    static final Option ENV = Option.valued(
            "e",
            "env",
            "NAME[=VALUE]",
            "Set an environment variable; without a value, take the one it has here, if it has one. May be repeated.");
    static final Option WORKDIR = Option.valued("w", "workdir", "DIR", "Where the command starts. By default /.");
    static final Option USER = Option.valued(
            "u", "user", "USER[:GROUP]", "As whom it runs: names or ids of the sandbox. By default root.");
    static final Option OUTPUT_LIMIT = Option.valued(
            "output-limit",
            "SIZE",
            "With --format json: how much of each stream is kept. By default " + ExecSpec.DEFAULT_OUTPUT_LIMIT
                    + ", at most " + ExecSpec.MAXIMUM_OUTPUT_LIMIT + ".");

    /** Those of {@code cay exec}. */
    static final OptionSet EXEC = OptionSet.of(
            List.of(new OptionSet.Group(
                    "Options",
                    List.of(
                            INTERACTIVE,
                            TERMINAL,
                            DETACH,
                            ENV,
                            WORKDIR,
                            USER,
                            TIMEOUT,
                            GRACE,
                            KEPT,
                            Format.OPTION,
                            OUTPUT_LIMIT))),
            List.of());

    private CommandOptions() {}
}
