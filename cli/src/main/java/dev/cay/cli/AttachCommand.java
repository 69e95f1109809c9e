package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.TerminalSize;
import java.util.List;
import java.util.Optional;

/** {@code cay attach}: takes up a command that runs on its own. */
final class AttachCommand implements Command {
    private static final String EXAMPLE = "cay attach NAME";
    private static final int MAXIMUM_ROWS = 65_535;

    static final Option EXECUTION = Option.valued(
            "execution", "N", "Which of its commands, see 'cay inspect'. By default 1, the sandbox's own.");
    private static final Option NO_INPUT =
            Option.flag("", "no-stdin", "Do not connect standard input: the command's stays open as it is.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(EXECUTION, NO_INPUT);

    @Override
    public String name() {
        return "attach";
    }

    @Override
    public String summary() {
        return "Connect with a command that runs on its own";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Connects standard input, output and error with those of a running command, beginning with what is"
                        + " kept of its output; whoever was connected before is so no more. The exit code is the"
                        + " command's.",
                "Leaving does not end the command: ctrl-p ctrl-q leave a terminal; where there is none, Ctrl-C does."
                        + " The end of standard input is the command's too.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("Back to the shell of 'cay run -dit --name dev -- bash'", "cay attach dev"),
                new Example("Look on only", "cay attach --no-stdin web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        String name = Operands.one(arguments, EXAMPLE);
        int number = execution(arguments);
        boolean input = !arguments.has(NO_INPUT);
        SandboxSpec sandbox;
        ExecSpec command;
        Optional<Relay.Outcome> outcome;
        try (Sandboxes engine = context.engine().open();
                Sandbox opened = engine.open(name)) {
            sandbox = opened.info().spec();
            ExecutionInfo info = find(opened, number, name);
            command = number == 1 && sandbox.command().isPresent()
                    ? sandbox.command().get()
                    : ExecSpec.builder(info.command()).build();
            outcome = attach(opened, info, input, context);
        }
        return Attachment.report(outcome, sandbox, command, context);
    }

    private static Optional<Relay.Outcome> attach(Sandbox sandbox, ExecutionInfo info, boolean input, Context context) {
        boolean terminal = info.terminal() && input;
        try (Foreground foreground = terminal ? Foreground.open(context) : Foreground.none();
                Execution execution = sandbox.attach(info.id());
                EngineGuard.Held _ = context.engine().hold(new Attachment.Leave(execution))) {
            if (terminal) {
                redraw(execution, foreground.size());
            }
            foreground.follow(execution);
            return new Attachment(execution, new Attachment.Manner(input, info.terminal(), false), context).run();
        }
    }

    /** A program draws its screen anew when it gets another size, and only then. */
    private static void redraw(Execution execution, TerminalSize size) {
        int other = size.rows() < MAXIMUM_ROWS ? size.rows() + 1 : size.rows() - 1;
        execution.resize(new TerminalSize(size.columns(), other));
    }

    /** The number that is asked for. */
    static int execution(Arguments arguments) {
        Optional<String> text = arguments.last(EXECUTION);
        return text.isPresent() ? Values.wholeNumber(EXECUTION, text.get()) : 1;
    }

    static ExecutionInfo find(Sandbox sandbox, int number, String name) {
        for (ExecutionInfo info : sandbox.executions()) {
            if (info.id() == number) {
                return info;
            }
        }
        throw new SandboxException.NotFound(
                "the sandbox '" + name + "' has no command " + number,
                number == 1 ? "start it: cay start " + name : "see which it has: cay inspect " + name);
    }
}
