package dev.cay.cli;

import dev.cay.ImageDetails;
import dev.cay.ImageInfo;
import dev.cay.ImageRemoval;
import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;

/** {@code cay image}: the images of this machine. */
final class ImageCommand implements Command {
    static final String HINT = "write ls, inspect, tag, rm, prune, check, load, import or save";

    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print digests only.");
    private static final Option ALL = Option.flag("a", "all", "With prune: also images that have a name.");
    static final Option FILE =
            Option.valued("f", "file", "FILE", "With load, import and save: the archive, by default stdin or stdout.");

    private static final OptionSet OPTIONS = OptionSet.of(
            List.of(
                    new OptionSet.Group("Options", List.of(QUIET, ALL, FILE, Format.OPTION)),
                    new OptionSet.Group("What an imported image asks for", ImageImport.OPTIONS)),
            List.of());

    @Override
    public String name() {
        return "image";
    }

    @Override
    public String summary() {
        return "List, inspect, load, save and remove images";
    }

    @Override
    public String synopsis() {
        return "ACTION [OPTIONS] [IMAGE...]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "An IMAGE is a name, as in debian:12, or the beginning of its digest or its id.",
                "ls prints the images that are here: SIZE is what their layers take of the disk, UNSHARED how much of that"
                        + " no other image shares. inspect tells all of each; the exit code is 1 if some could not be found. tag IMAGE NAME gives it another name. rm removes"
                        + " names, and with its last name the image; what a sandbox is made of stays. prune removes images"
                        + " without a name, layers of no image, and what killed processes left. check reads everything and"
                        + " says what is damaged; the exit code is then 1.",
                "load takes images from an archive of docker save, podman save or skopeo; import [NAME] makes one of a tar"
                        + " archive of a root file system; save IMAGE... writes an archive that all of them read; its layers are made anew,"
                        + " so their digests, and with them the image's, are others than where it was pulled from.");
    }

    @Override
    public OptionSet options() {
        return new OptionSet(OPTIONS.groups(), OPTIONS.foreign(), true);
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("From Docker to here", "docker save debian:12 | cay image load"),
                new Example("A root file system", "tar -C root -c . | cay image import my/debian --cmd bash"),
                new Example("Room on the disk", "cay image prune --all"));
    }

    @Override
    public Offer offer() {
        return Offer.IMAGES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with images is missing", HINT);
        }
        String action = operands.get(0);
        List<String> images = operands.subList(1, operands.size());
        refuse(arguments, action);
        return switch (action) {
            case "ls" -> list(arguments, images, format, context);
            case "inspect" -> inspect(images, format, context);
            case "tag" -> tag(images, context);
            case "rm" -> remove(images, format, context);
            case "prune" -> prune(arguments, images, format, context);
            case "check" -> check(images, format, context);
            case "load" -> ImageTransfer.load(arguments, images, format, context);
            case "import" -> ImageTransfer.importRoot(arguments, images, format, context);
            case "save" -> ImageTransfer.save(arguments, images, context);
            default ->
                throw new UsageException(
                        "unknown action '" + action + "'", action.equals("pull") ? "write: cay pull NAME[:TAG]" : HINT);
        };
    }

    /** What would have no effect is refused. */
    private static void refuse(Arguments arguments, String action) {
        Set<String> archives = Set.of("load", "import", "save");
        for (Arguments.Given given : arguments.given()) {
            Option option = given.option();
            boolean fits = option.name().equals(Format.OPTION.name())
                    || option.name().equals(QUIET.name()) && action.equals("ls")
                    || option.name().equals(ALL.name()) && action.equals("prune")
                    || option.name().equals(FILE.name()) && archives.contains(action)
                    || ImageImport.OPTIONS.contains(option) && action.equals("import");
            if (!fits) {
                throw new UsageException(option.spelling() + " has no effect with " + action, "leave it out");
            }
        }
    }

    private static int list(Arguments arguments, List<String> operands, Format format, Context context) {
        Listing.requireNone(operands);
        List<ImageInfo> images;
        try (Sandboxes engine = context.engine().open()) {
            images = engine.images().list();
        }
        Instant now = context.time().now();
        return new Listing<ImageInfo>(
                        List.of("NAME", "DIGEST", "PLATFORM", "AGE", "SIZE", "UNSHARED", "USED BY"),
                        ImageInfo::digest,
                        image -> row(image, now),
                        ImageJson::write)
                .print(images, arguments.has(QUIET), format, context);
    }

    private static List<String> row(ImageInfo image, Instant now) {
        return List.of(
                image.names().isEmpty() ? "-" : String.join(" ", image.names()),
                brief(image.digest()),
                image.platform().toString(),
                Figures.age(Duration.between(image.added(), now)),
                Figures.bytes(image.size().bytes()),
                Figures.bytes(image.unshared().bytes()),
                image.users().isEmpty() ? "-" : String.join(" ", image.users()));
    }

    private static String brief(String digest) {
        int start = digest.indexOf(':') + 1;
        return digest.substring(start, Math.min(start + 12, digest.length()));
    }

    private static int inspect(List<String> images, Format format, Context context) {
        if (images.isEmpty()) {
            throw new UsageException("an image is missing", "write: cay image inspect IMAGE");
        }
        int code = ExitCode.SUCCESS;
        try (Sandboxes engine = context.engine().open()) {
            for (String image : images) {
                try {
                    print(engine.images().inspect(image), format, context);
                } catch (SandboxException e) {
                    code = ExitCode.PARTIAL;
                    EachName.sayFailure(image, e, format, context.streams());
                }
            }
        }
        return code;
    }

    private static void print(ImageDetails details, Format format, Context context) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            Json json = new Json(out).begin();
            ImageJson.write(json, details);
            json.end();
        } catch (IOException e) {
            throw new UncheckedIOException("memory cannot be written to", e);
        }
        String line = out.toString(StandardCharsets.UTF_8);
        context.streams().print((format == Format.JSON ? line : JsonLayout.indent(line)) + "\n");
    }

    private static int tag(List<String> operands, Context context) {
        if (operands.size() != 2) {
            throw new UsageException("tag takes an image and a name", "write: cay image tag IMAGE NAME[:TAG]");
        }
        try (Sandboxes engine = context.engine().open()) {
            engine.images().tag(operands.get(0), operands.get(1));
        }
        return ExitCode.SUCCESS;
    }

    private static int remove(List<String> images, Format format, Context context) {
        if (images.isEmpty()) {
            throw new UsageException("an image is missing", "write: cay image rm IMAGE");
        }
        return EachName.apply(
                images,
                format,
                "removed",
                context,
                (engine, image) -> engine.images().remove(image));
    }

    private static int prune(Arguments arguments, List<String> operands, Format format, Context context) {
        Listing.requireNone(operands);
        ImageRemoval removal;
        try (Sandboxes engine = context.engine().open()) {
            removal = engine.images().prune(arguments.has(ALL));
        }
        if (format == Format.JSON) {
            JsonLine.print(
                    context.streams(),
                    json -> json.field("names", removal.names())
                            .field("digests", removal.digests())
                            .field("freed_bytes", removal.freed().bytes()));
        } else {
            StringBuilder text = new StringBuilder();
            removal.digests().forEach(digest -> text.append(digest).append('\n'));
            context.streams().print(text.toString());
            context.streams().say("freed " + Figures.bytes(removal.freed().bytes()) + "\n");
        }
        return ExitCode.SUCCESS;
    }

    private static int check(List<String> operands, Format format, Context context) {
        Listing.requireNone(operands);
        List<String> wrong;
        try (Sandboxes engine = context.engine().open()) {
            wrong = engine.images().check();
        }
        for (String one : wrong) {
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> json.field("problem", one));
            } else {
                context.streams().print(Problem.printable(one) + "\n");
            }
        }
        if (wrong.isEmpty() && format == Format.TEXT) {
            context.streams().say("all is well\n");
        }
        return wrong.isEmpty() ? ExitCode.SUCCESS : ExitCode.PARTIAL;
    }
}
