package dev.cay.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs, in one process, what users run most, so that the classes and methods of all of it can be recorded in the JVM's AOT
 * caches when Cay is built: {@code --train FOLDER} for the one that knows everything; {@code --train FOLDER NAME run}, with a
 * detached sandbox and an image of that name, for the small one of that command, as for {@code exec} and {@code cp}, and for that of
 * {@code short} ones, which removes the sandbox; {@code --train-images FOLDER} for the one of bringing images, with what the compilers are to know of it. In the folder are {@code image.tar}, a root file system with a program
 * {@code /init}, {@code tree}, some files, and what {@link TrainingRegistry} serves, an image {@code tool}. Nobody else has a use
 * for it, so no help text names it.
 */
final class Training {
    private static final String ARGUMENT = "--train";
    private static final String IMAGES = "--train-images";

    /** Set where the networks and the store of images are not those of the machine: else they are left alone. */
    private static final String APART = "CAY_TRAINING_APART";

    private Training() {}

    static boolean isAsked(List<String> line) {
        return line.size() > 1
                && (line.getFirst().equals(ARGUMENT) || line.getFirst().equals(IMAGES));
    }

    static int run(Context context, List<String> line) {
        String folder = line.get(1);
        if (line.getFirst().equals(IMAGES)) {
            return images(context, folder);
        }
        boolean apart = context.variables().variable(APART).isPresent();
        return all(
                context,
                line.size() > 3
                        ? command(line.get(3), line.get(2), folder, apart)
                        : everything("cay-training-" + ProcessHandle.current().pid(), folder, apart));
    }

    private static int images(Context context, String folder) {
        try (TrainingRegistry registry = new TrainingRegistry(Path.of(folder))) {
            String tool = registry.address() + "/tool";
            String saved = folder + "/saved.tar";
            return all(
                    context,
                    List.of(
                            List.of("pull", tool),
                            List.of("pull", "-q", tool),
                            List.of("image", "ls"),
                            List.of("image", "inspect", tool),
                            List.of("image", "import", "imported", "--file", folder + "/image.tar"),
                            List.of("image", "save", "imported", "--file", saved),
                            List.of("image", "load", "--file", saved),
                            List.of("image", "rm", tool),
                            List.of("image", "prune")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int all(Context context, List<List<String>> lines) {
        int worst = ExitCode.SUCCESS;
        for (List<String> one : lines) {
            worst = Math.max(worst, new Cli(context).run(one));
        }
        return worst;
    }

    private static List<List<String>> command(String command, String name, String folder, boolean apart) {
        if (command.equals("cp")) {
            return copies(name, folder);
        }
        if (command.equals("exec")) {
            return List.of(List.of("version"), List.of("exec", name, "--", "true"));
        }
        if (command.equals("short")) {
            return List.of(
                    List.of("ps"),
                    List.of("ps", "--format", "json"),
                    List.of("inspect", name),
                    List.of("logs", name),
                    List.of("stop", "--time", "0", name),
                    List.of("start", name),
                    List.of("kill", name),
                    List.of("rm", "--force", name));
        }
        List<String> host = List.of("run", "--", "true");
        return apart ? List.of(host, List.of("run", name, "/init", "hold")) : List.of(host);
    }

    private static List<List<String>> everything(String name, String folder, boolean apart) {
        List<List<String>> lines = new ArrayList<>(List.of(
                List.of("run", "--", "true"),
                List.of("run", "-d", "--name", name, "--", "sleep", "60"),
                List.of("ps"),
                List.of("exec", name, "--", "true"),
                List.of("logs", name),
                List.of("stats", name),
                List.of("inspect", name)));
        lines.addAll(copies(name, folder));
        lines.addAll(List.of(
                List.of("stop", "--time", "0", name),
                List.of("start", name),
                List.of("kill", name),
                List.of("rm", "-f", name),
                List.of("volume", "ls")));
        if (apart) {
            lines.addAll(List.of(
                    List.of("run", "--network", "bridge", "--", "true"),
                    List.of("network", "ls"),
                    List.of("image", "import", name, "--file", folder + "/image.tar"),
                    List.of("run", name, "/init", "hold"),
                    List.of("image", "ls"),
                    List.of("image", "rm", name)));
        }
        return lines;
    }

    private static List<List<String>> copies(String name, String folder) {
        return List.of(
                List.of("cp", folder + "/image.tar", name + ":/tmp/file"),
                List.of("cp", name + ":/tmp/file", folder + "/file"),
                List.of("cp", folder + "/tree", name + ":/tmp/tree"),
                List.of("cp", name + ":/tmp/tree", folder + "/copy"),
                List.of("cp", name + ":/etc/passwd", "-"));
    }
}
