package dev.cay.cli;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The options of one command, in the groups and the order of its help text. {@code --help} is in every one.
 *
 * <p>Options are {@code --name value}, {@code --name=value}, {@code -n value}, {@code -nvalue} or {@code -n=value}; letters without a value may
 * be joined. {@code --} and the first argument that is no option end them, as in {@code docker run}: what follows belongs to
 * the command that is run. Given more than once, the last one counts, or all do.
 *
 * <p>A command whose operands are no command line of somebody else takes its options among and behind them too, as in
 * {@code cay logs NAME -f}.
 *
 * @param groups the options
 * @param foreign options of other tools that people will type here
 * @param mixed whether options may follow operands
 */
record OptionSet(List<Group> groups, List<Foreign> foreign, boolean mixed) {
    static final Option HELP = Option.flag("h", "help", "Print this help.");

    /** Options that belong together. */
    record Group(String title, List<Option> options) {
        Group {
            options = List.copyOf(options);
        }
    }

    /**
     * An option that is not one of ours.
     *
     * @param spelling as it is typed
     * @param hint what to do instead
     */
    record Foreign(String spelling, String hint) {}

    OptionSet {
        groups = List.copyOf(groups);
        foreign = List.copyOf(foreign);
        Set<String> taken = new HashSet<>();
        for (Group group : groups) {
            for (Option option : group.options()) {
                boolean free = taken.add(option.name()) && (option.letter().isEmpty() || taken.add(option.letter()));
                if (!free) {
                    throw new IllegalArgumentException("two options are spelled like " + option.spelling());
                }
            }
        }
    }

    /** The groups, and {@code --help} after the last of them; the first operand ends them. */
    static OptionSet of(List<Group> groups, List<Foreign> foreign) {
        return new OptionSet(withHelp(groups), foreign, false);
    }

    /** Options that may stand anywhere. */
    static OptionSet anywhere(Option... options) {
        return new OptionSet(withHelp(List.of(new Group("Options", List.of(options)))), List.of(), true);
    }

    private static List<Group> withHelp(List<Group> groups) {
        List<Group> all = new ArrayList<>(groups);
        if (all.isEmpty()) {
            all.add(new Group("Options", List.of(HELP)));
        } else {
            Group last = all.removeLast();
            List<Option> options = new ArrayList<>(last.options());
            options.add(HELP);
            all.add(new Group(last.title(), options));
        }
        return all;
    }

    /** Reads the options up to the first operand, or all of them if they may be mixed; the rest are operands. */
    Arguments parse(List<String> arguments) {
        List<Arguments.Given> given = new ArrayList<>();
        List<String> operands = new ArrayList<>();
        boolean separated = false;
        int next = 0;
        while (next < arguments.size()) {
            String argument = arguments.get(next);
            if (argument.equals("--")) {
                next++;
                separated = operands.isEmpty();
                break;
            }
            if (argument.length() < 2 || argument.charAt(0) != '-') {
                if (!mixed) {
                    break;
                }
                operands.add(argument);
                next++;
                continue;
            }
            next = argument.startsWith("--") ? parseLong(arguments, next, given) : parseLetters(arguments, next, given);
        }
        operands.addAll(arguments.subList(next, arguments.size()));
        return new Arguments(given, operands, separated);
    }

    /** Returns the index of the next argument, as {@link #parseLetters} does. */
    private int parseLong(List<String> arguments, int index, List<Arguments.Given> given) {
        String argument = arguments.get(index);
        int equals = argument.indexOf('=');
        String spelling = equals < 0 ? argument : argument.substring(0, equals);
        Option option = named(spelling);
        if (!option.takesValue()) {
            if (equals >= 0) {
                throw new UsageException(
                        spelling + " takes no value", "leave out '" + argument.substring(equals) + "'");
            }
            given.add(new Arguments.Given(option, ""));
            return index + 1;
        }
        if (equals >= 0) {
            given.add(new Arguments.Given(option, argument.substring(equals + 1)));
            return index + 1;
        }
        given.add(new Arguments.Given(option, following(arguments, index, spelling, option)));
        return index + 2;
    }

    private int parseLetters(List<String> arguments, int index, List<Arguments.Given> given) {
        String argument = arguments.get(index);
        for (int i = 1; i < argument.length(); i++) {
            String letter = argument.substring(i, i + 1);
            Option option = lettered(letter);
            if (!option.takesValue()) {
                given.add(new Arguments.Given(option, ""));
            } else if (i + 1 < argument.length()) {
                int start = argument.charAt(i + 1) == '=' ? i + 2 : i + 1;
                given.add(new Arguments.Given(option, argument.substring(start)));
                return index + 1;
            } else {
                given.add(new Arguments.Given(option, following(arguments, index, "-" + letter, option)));
                return index + 2;
            }
        }
        return index + 1;
    }

    /** A value that is spelled like an option was forgotten, not meant; {@code --name=value} takes any. */
    private String following(List<String> arguments, int index, String spelling, Option option) {
        String hint = "write " + option.spelling() + "=" + option.value();
        if (index + 1 == arguments.size()) {
            throw new UsageException(spelling + " needs a value", hint);
        }
        String value = arguments.get(index + 1);
        if (value.equals("--") || isSpelling(value)) {
            throw new UsageException(spelling + " needs a value, but is followed by " + value, hint);
        }
        return value;
    }

    private boolean isSpelling(String argument) {
        for (Group group : groups) {
            for (Option option : group.options()) {
                if (option.isSpelled(argument)) {
                    return true;
                }
            }
        }
        return false;
    }

    private Option named(String spelling) {
        for (Group group : groups) {
            for (Option option : group.options()) {
                if (option.name().length() == spelling.length() - 2 && spelling.endsWith(option.name())) {
                    return option;
                }
            }
        }
        throw unknown(spelling);
    }

    private Option lettered(String letter) {
        for (Group group : groups) {
            for (Option option : group.options()) {
                if (option.letter().equals(letter)) {
                    return option;
                }
            }
        }
        throw unknown("-" + letter);
    }

    private UsageException unknown(String spelling) {
        String message = "unknown option " + spelling;
        for (Foreign option : foreign) {
            if (option.spelling().equals(spelling)) {
                return new UsageException(message, option.hint());
            }
        }
        List<String> spellings = new ArrayList<>();
        for (Group group : groups) {
            for (Option option : group.options()) {
                spellings.add(option.spelling());
            }
        }
        Optional<String> closest = spelling.startsWith("--") ? Spelling.closest(spelling, spellings) : Optional.empty();
        return new UsageException(
                message, closest.isPresent() ? "did you mean " + closest.get() + "?" : "add --help for a list");
    }
}
