package dev.cay.cli;

import dev.cay.Sandboxes;
import java.util.List;

/** {@code cay netd}: answers the questions for names of detached sandboxes. */
final class NetdCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere();

    @Override
    public String name() {
        return "netd";
    }

    @Override
    public String summary() {
        return "Answer the questions of detached sandboxes for names";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Nobody has to run it: with the first detached sandbox that has a network such a process is started, in the"
                        + " background, and it ends with the last one. This is for machines where something else looks"
                        + " after processes. It ends at once if another one is running, or no sandbox needs it. While none"
                        + " runs names are not answered, and nothing opens.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("In the foreground", "cay netd"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Operands.none(arguments);
        try (Sandboxes engine = context.engine().open()) {
            engine.networks().serveNames();
        }
        return ExitCode.SUCCESS;
    }
}
