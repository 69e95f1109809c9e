package dev.cay.cli;

import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import java.util.List;

/** {@code cay cp}: files into a sandbox and out of it. */
final class CpCommand implements Command {
    private static final String HINT = "write: cay cp NAME:PATH DIR, or: cay cp FILE NAME:PATH";

    static final Option FOLLOW_LINK = Option.flag(
            "L", "follow-link", "If the source itself is a symbolic link, copy what it leads to. Others stay links.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(FOLLOW_LINK);

    /**
     * A side of a copy.
     *
     * @param sandbox whose file it is; empty if it is one of this machine
     * @param path which file, or {@code -} for a tar archive
     */
    record Place(String sandbox, String path) {
        /** A colon makes it a sandbox's, unless a slash or a leading dot has made it a path of this machine before. */
        static Place of(String text) {
            int colon = text.indexOf(':');
            boolean host = colon <= 0 || text.startsWith(".") || text.lastIndexOf('/', colon) >= 0;
            return host ? new Place("", text) : new Place(text.substring(0, colon), text.substring(colon + 1));
        }

        boolean isArchive() {
            return sandbox.isEmpty() && path.equals("-");
        }
    }

    @Override
    public String name() {
        return "cp";
    }

    @Override
    public String summary() {
        return "Copy files into a sandbox, or out of it";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME:PATH HOSTPATH | HOSTPATH NAME:PATH";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Copies a file, or a directory with all that is in it. Into a directory that is there it goes under"
                        + " its own name; a source that ends with /. gives what is in it only. Into nothing, it gets the"
                        + " name of the target, whose directory must be there. - for HOSTPATH is a tar archive at standard"
                        + " output or standard input.",
                "What comes out of a sandbox is nobody's friend: links are copied as links and never followed, not"
                        + " even those that are at the target already, and no file becomes set-user-ID. Copies belong to"
                        + " whoever copies; devices, pipes and sockets are left out. Do not copy to where a sandbox can"
                        + " write at the same time.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("A directory in, the result out", """
                    cay cp ./src lab:/work
                    cay cp lab:/work/out.txt ."""),
                new Example("From one sandbox to another", "cay cp lab:/data - | cay cp - web:/srv"));
    }

    @Override
    public Offer offer() {
        return Offer.PLACES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        if (arguments.operands().size() != 2) {
            throw new UsageException("a source and a target are needed", HINT);
        }
        Place from = Place.of(arguments.operands().get(0));
        Place to = Place.of(arguments.operands().get(1));
        boolean out = !from.sandbox().isEmpty();
        if (out && !to.sandbox().isEmpty()) {
            throw new UsageException(
                    "both sides are in a sandbox",
                    "use two commands: cay cp " + arguments.operands().get(0) + " - | cay cp - "
                            + arguments.operands().get(1));
        }
        if (!out && to.sandbox().isEmpty()) {
            throw new UsageException("neither side is in a sandbox", HINT);
        }
        if (from.path().isEmpty() || to.path().isEmpty()) {
            throw new UsageException("a path is missing", HINT);
        }
        refuseTerminal(from, to, context);
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(out ? from.sandbox() : to.sandbox())) {
            boolean follow = arguments.has(FOLLOW_LINK);
            long leftOut = out
                    ? new CopyOut(sandbox.files(), context.streams()).copy(from.path(), to.path(), follow)
                    : new CopyIn(sandbox.files(), context.streams()).copy(from.path(), to.path(), follow);
            if (leftOut > 0) {
                context.streams().say("cay: left out " + leftOut + " devices, pipes or sockets\n");
            }
        }
        return ExitCode.SUCCESS;
    }

    private static void refuseTerminal(Place from, Place to, Context context) {
        if (to.isArchive() && context.terminal().isTerminal(Streams.OUT)) {
            throw new UsageException(
                    "a tar archive is nothing for a terminal", "send it to a file, as in: > files.tar");
        }
        if (from.isArchive() && context.terminal().isTerminal(Streams.IN)) {
            throw new UsageException("nobody types a tar archive", "take it from a file, as in: < files.tar");
        }
    }
}
