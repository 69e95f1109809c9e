package dev.cay.cli;

import java.util.List;

/** Refuses operands that are missing or too many. */
final class Operands {
    private Operands() {}

    static void none(Arguments arguments) {
        if (!arguments.operands().isEmpty()) {
            throw unexpected(arguments.operands().get(0), "leave it out");
        }
    }

    /**
     * The only operand.
     *
     * @param example a command line that has one
     */
    static String one(Arguments arguments, String example) {
        List<String> operands = some(arguments, example);
        if (operands.size() > 1) {
            throw unexpected(operands.get(1), "one name is enough, as in: " + example);
        }
        return operands.get(0);
    }

    /** One or more. */
    static List<String> some(Arguments arguments, String example) {
        if (arguments.operands().isEmpty()) {
            throw new UsageException("a name is missing", "write: " + example);
        }
        return arguments.operands();
    }

    static UsageException unexpected(String operand, String hint) {
        return new UsageException("unexpected argument '" + operand + "'", hint);
    }
}
