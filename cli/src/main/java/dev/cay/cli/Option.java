package dev.cay.cli;

/**
 * One option of a command: the row from which the parser, the help text and the error messages are made.
 *
 * @param letter its one-letter form, empty if it has none
 * @param name its long form, without the dashes
 * @param value what its value is called in help texts, empty for an option without one
 * @param help what it does, one sentence or a few
 */
record Option(String letter, String name, String value, String help) {
    Option {
        if (letter.length() > 1 || name.length() < 2 || name.startsWith("-") || name.indexOf('=') >= 0) {
            throw new IllegalArgumentException("'" + letter + "', '" + name + "' cannot name an option");
        }
        if (help.isBlank()) {
            throw new IllegalArgumentException("the option " + name + " has no help");
        }
    }

    /** An option that is either given or not. */
    static Option flag(String letter, String name, String help) {
        return new Option(letter, name, "", help);
    }

    static Option valued(String name, String value, String help) {
        return valued("", name, value, help);
    }

    static Option valued(String letter, String name, String value, String help) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("the value of the option " + name + " has no name");
        }
        return new Option(letter, name, value, help);
    }

    boolean takesValue() {
        return !value.isEmpty();
    }

    /** The long form as it is typed. */
    String spelling() {
        return "--" + name;
    }

    /** Whether this is how one types the option, in either form. */
    boolean isSpelled(String argument) {
        return argument.equals(spelling()) || (!letter.isEmpty() && argument.equals("-" + letter));
    }
}
