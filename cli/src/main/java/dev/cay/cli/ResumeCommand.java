package dev.cay.cli;

import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import java.util.List;

/** {@code cay resume}. */
final class ResumeCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    @Override
    public String name() {
        return "resume";
    }

    @Override
    public String summary() {
        return "Let what was paused go on";
    }

    @Override
    public String synopsis() {
        return "NAME...";
    }

    @Override
    public List<String> description() {
        return List.of("Lets go on what 'cay pause' has halted.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("As if nothing had happened", "cay resume web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        List<String> names = Operands.some(arguments, "cay resume NAME");
        return EachName.apply(names, Format.of(arguments), "resumed", context, ResumeCommand::apply);
    }

    private static void apply(Sandboxes engine, String name) {
        try (Sandbox sandbox = engine.open(name)) {
            sandbox.resume();
        }
    }
}
