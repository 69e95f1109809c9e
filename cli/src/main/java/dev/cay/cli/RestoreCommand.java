package dev.cay.cli;

import java.util.List;

/** {@code cay restore}: a sandbox that goes on where a snapshot was taken. */
final class RestoreCommand implements Command {
    @Override
    public String name() {
        return "restore";
    }

    @Override
    public String summary() {
        return "Go on with a microVM where it was kept";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] SNAPSHOT [-- COMMAND [ARGUMENT...]]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Makes a sandbox that goes on where a snapshot was taken ('cay snapshot', or 'cay template create --image')."
                        + " A snapshot serves any number of them.",
                Copies.OWN,
                Copies.UNTIL);
    }

    @Override
    public OptionSet options() {
        return Copies.OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("A program that is built already", """
                cay template create ready --image mine --after 'make -C /app'
                cay restore ready -- /app/main"""));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        return Copies.run(
                arguments,
                "cay restore SNAPSHOT",
                context,
                (engine, snapshot, copy) -> engine.snapshots().restore(snapshot, copy));
    }
}
