package dev.cay.cli;

import java.util.List;

/** {@code cay help}: what there is, and what one command does. */
final class HelpCommand implements Command {
    private static final Option MAN =
            Option.flag("", "man", "Print the manual page, for man(1), with the help of all commands.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(MAN);

    @Override
    public String name() {
        return "help";
    }

    @Override
    public String summary() {
        return "Print what a command does and its options";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] [COMMAND]";
    }

    @Override
    public List<String> description() {
        return List.of("Prints the help of a command, or a list of all commands.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("All about running a command", "cay help run"),
                new Example("The manual page", "cay help --man | man -l -"));
    }

    @Override
    public Offer offer() {
        return Offer.COMMANDS;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        List<String> operands = arguments.operands();
        if (operands.size() > 1) {
            throw new UsageException("unexpected argument '" + operands.get(1) + "'", "name one command");
        }
        if (arguments.has(MAN)) {
            Operands.none(arguments);
            context.streams().print(ManPage.text());
            return ExitCode.SUCCESS;
        }
        String help = operands.isEmpty() ? HelpText.overview() : HelpText.of(Cli.command(operands.get(0)));
        context.streams().print(help);
        return ExitCode.SUCCESS;
    }
}
