package dev.cay.cli;

import dev.cay.Sandbox;
import java.util.List;

/** {@code cay fork}: a sandbox that goes on where another one is. */
final class ForkCommand implements Command {
    @Override
    public String name() {
        return "fork";
    }

    @Override
    public String summary() {
        return "Make a second microVM of one that runs";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME [-- COMMAND [ARGUMENT...]]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Makes a sandbox that goes on where another one is, with its memory and its disk; that one goes on as well."
                        + " Any process of its owner can copy a microVM; the commands of a detached one can be taken up in the copy."
                        + " Containers refuse, and so do those that 'cay snapshot' refuses.",
                Copies.OWN,
                Copies.UNTIL);
    }

    @Override
    public OptionSet options() {
        return Copies.OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("Try something, and keep the original", "cay fork lab -- sh -c 'rm -rf /; ls /'"),
                new Example("A second one that stays", "cay fork -d --name lab2 lab"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        return Copies.run(arguments, "cay fork NAME", context, (engine, original, copy) -> {
            try (Sandbox sandbox = engine.open(original)) {
                return engine.snapshots().fork(sandbox, copy);
            }
        });
    }
}
