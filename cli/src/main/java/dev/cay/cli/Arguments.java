package dev.cay.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A command line after parsing.
 *
 * @param given the options, in the order they were given
 * @param operands everything behind the options
 * @param separated whether {@code --} stands between options and operands
 */
record Arguments(List<Given> given, List<String> operands, boolean separated) {
    /**
     * An option that was given.
     *
     * @param option which one
     * @param value its value, empty if it takes none
     */
    record Given(Option option, String value) {}

    Arguments {
        given = List.copyOf(given);
        operands = List.copyOf(operands);
    }

    boolean has(Option option) {
        return last(option).isPresent();
    }

    /** The value that counts. */
    Optional<String> last(Option option) {
        for (int i = given.size() - 1; i >= 0; i--) {
            if (given.get(i).option().name().equals(option.name())) {
                return Optional.of(given.get(i).value());
            }
        }
        return Optional.empty();
    }

    /** All values of an option that may be repeated. */
    List<String> all(Option option) {
        List<String> values = new ArrayList<>();
        for (Given one : given) {
            if (one.option().name().equals(option.name())) {
                values.add(one.value());
            }
        }
        return values;
    }
}
