package dev.cay.cli;

import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import java.util.List;

/** {@code cay pause}. */
final class PauseCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    @Override
    public String name() {
        return "pause";
    }

    @Override
    public String summary() {
        return "Halt all that runs in sandboxes";
    }

    @Override
    public String synopsis() {
        return "NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Halts the commands of sandboxes, all of them with their descendants, until 'cay resume'. Nothing can be started in"
                        + " a sandbox meanwhile; 'cay stop' lets it go on in order to end it. Limits of time go on.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Save its processor time for something else", "cay pause web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        List<String> names = Operands.some(arguments, "cay pause NAME");
        return EachName.apply(names, Format.of(arguments), "paused", context, PauseCommand::apply);
    }

    private static void apply(Sandboxes engine, String name) {
        try (Sandbox sandbox = engine.open(name)) {
            sandbox.pause();
        }
    }
}
