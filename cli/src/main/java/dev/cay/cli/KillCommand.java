package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.List;

/** {@code cay kill}: a signal for a command. */
final class KillCommand implements Command {
    private static final Option SIGNAL =
            Option.valued("s", "signal", "SIGNAL", "Its name or number, such as HUP, SIGUSR1 or 15. By default KILL.");
    private static final Option EXECUTION =
            Option.valued("execution", "N", "To which of its commands, see 'cay inspect'. By default to its own.");

    /** Far more than the end of a killed command takes. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private static final OptionSet OPTIONS = OptionSet.anywhere(SIGNAL, EXECUTION, Format.OPTION);

    @Override
    public String name() {
        return "kill";
    }

    @Override
    public String summary() {
        return "Kill what runs in sandboxes, or send a signal";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Kills everything that runs in the sandbox, or, with --execution, one command and its descendants. The"
                        + " sandbox and its files stay.",
                "Any other signal goes to one command and its process group. The exit code is 1 if some could not be"
                        + " reached.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Let a server read its configuration again", "cay kill -s HUP web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> names = Operands.some(arguments, "cay kill NAME");
        int signal = Signals.number(SIGNAL, arguments.last(SIGNAL).orElse("KILL"));
        boolean all = signal == Signals.KILL && !arguments.has(EXECUTION);
        int number = arguments.has(EXECUTION)
                ? Values.wholeNumber(EXECUTION, arguments.last(EXECUTION).orElse(""))
                : 1;
        EachName.Action action = all ? new KillAll() : new Send(signal, number);
        return EachName.apply(names, format, signal == Signals.KILL ? "killed" : "signalled", context, action);
    }

    private record KillAll() implements EachName.Action {
        @Override
        public void apply(Sandboxes engine, String name) {
            try (Sandbox sandbox = engine.open(name)) {
                sandbox.stop(Duration.ZERO);
            }
        }
    }

    private record Send(int signal, int number) implements EachName.Action {
        @Override
        public void apply(Sandboxes engine, String name) {
            try (Sandbox sandbox = engine.open(name)) {
                if (AttachCommand.find(sandbox, number, name).exit().isPresent()) {
                    throw new SandboxException.Conflict(
                            "command " + number + " of the sandbox '" + name + "' has ended",
                            "see what runs in it: cay inspect " + name);
                }
                if (signal != Signals.KILL) {
                    sandbox.signal(number, signal);
                    return;
                }
                try (Execution execution = sandbox.attach(number)) {
                    execution.kill();
                    if (execution.await(PATIENCE).isEmpty()) {
                        throw new SandboxException.HostFailed(
                                "command " + number + " of the sandbox '" + name
                                        + "' has been killed and does not end: it waits in the kernel, as for a file system"
                                        + " that does not answer",
                                "it ends when that answers or is unmounted",
                                null);
                    }
                }
            }
        }
    }
}
