package dev.cay.cli;

import java.util.List;
import java.util.Optional;

/**
 * Runs, in one process, what users run most, so that the classes and methods of all of it can be recorded in the JVM's AOT
 * caches when Cay is built: {@code --train} for the one that knows everything; {@code --train NAME}, with a detached sandbox,
 * and an image, of that name, for the small one of running a command. Nobody else has a use for it, so no help text names it.
 */
final class Training {
    private static final String ARGUMENT = "--train";

    /** Set in a network of our own, see {@code train} in {@code ./dev}. */
    private static final String NETWORKS = "CAY_TRAINING_NETWORKS";

    /** An archive of a root file system with a program {@code /init}, where the store of images is not that of the machine. */
    private static final String IMAGE = "CAY_TRAINING_IMAGE";

    private Training() {}

    static boolean isAsked(List<String> line) {
        return !line.isEmpty() && line.getFirst().equals(ARGUMENT);
    }

    static int run(Context context, List<String> line) {
        return line.size() > 1 ? commands(context, line.get(1)) : everything(context);
    }

    private static int commands(Context context, String sandbox) {
        if (context.variables().variable(IMAGE).isPresent()) {
            run(context, List.of(List.of("run", sandbox, "/init", "hold")));
        }
        return run(
                context,
                List.of(List.of("run", "--", "true"), List.of("exec", sandbox, "--", "true"), List.of("version")));
    }

    private static int run(Context context, Iterable<List<String>> lines) {
        int worst = ExitCode.SUCCESS;
        for (List<String> line : lines) {
            worst = Math.max(worst, new Cli(context).run(line));
        }
        return worst;
    }

    private static int everything(Context context) {
        String name = "cay-training-" + ProcessHandle.current().pid();
        List<List<String>> lines = List.of(
                List.of("run", "--", "true"),
                List.of("run", "-d", "--name", name, "--", "sleep", "60"),
                List.of("ps"),
                List.of("exec", name, "--", "true"),
                List.of("logs", name),
                List.of("cp", name + ":/etc/passwd", "-"),
                List.of("inspect", name),
                List.of("rm", "-f", name));
        int worst = run(context, lines);
        networks(context);
        images(context, name);
        return worst;
    }

    /** Only where nothing of the machine changes by it; and without them the rest is as good. */
    private static void networks(Context context) {
        if (context.variables().variable(NETWORKS).isEmpty()) {
            return;
        }
        new Cli(context).run(List.of("run", "--network", "bridge", "--", "true"));
    }

    /** The same. */
    private static void images(Context context, String name) {
        Optional<String> archive = context.variables().variable(IMAGE);
        if (archive.isEmpty()) {
            return;
        }
        run(
                context,
                List.of(
                        List.of("image", "import", name, "--file", archive.get()),
                        List.of("run", name, "/init", "hold"),
                        List.of("image", "ls"),
                        List.of("image", "rm", name)));
    }
}
