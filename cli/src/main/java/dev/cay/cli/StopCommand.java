package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** {@code cay stop}: ends what runs in sandboxes. */
final class StopCommand implements Command {
    private static final Option TIME = Option.valued(
            "t",
            "time",
            "DURATION",
            "How long its own command has got after SIGTERM. By default " + Durations.text(ExecSpec.DEFAULT_GRACE)
                    + ".");

    private static final OptionSet OPTIONS = OptionSet.anywhere(TIME, Format.OPTION);

    @Override
    public String name() {
        return "stop";
    }

    @Override
    public String summary() {
        return "End all that runs in sandboxes";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Sends SIGTERM to the sandbox's own command and, when that has ended or the time is over, kills"
                        + " everything in it. The sandbox and its files stay, and 'cay start' starts it again.",
                "A sandbox that ends with another process goes on until that ends it, as 'cay run' does when its command"
                        + " has ended. The exit code is 1 if some could not be stopped.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("With time to finish its work", "cay stop -t 30s web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> names = Operands.some(arguments, "cay stop NAME");
        Optional<String> text = arguments.last(TIME);
        Duration grace = text.isPresent() ? Values.duration(TIME, text.get()) : ExecSpec.DEFAULT_GRACE;
        return EachName.apply(names, format, "stopped", context, new Stop(grace));
    }

    private record Stop(Duration grace) implements EachName.Action {
        @Override
        public void apply(Sandboxes engine, String name) {
            try (Sandbox sandbox = engine.open(name)) {
                sandbox.stop(grace);
            }
        }
    }
}
