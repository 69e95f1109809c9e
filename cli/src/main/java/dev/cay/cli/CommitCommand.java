package dev.cay.cli;

import dev.cay.ImageInfo;
import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Optional;

/** {@code cay commit}: an image of what a sandbox has changed. */
final class CommitCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    @Override
    public String name() {
        return "commit";
    }

    @Override
    public String summary() {
        return "Make an image of a sandbox's changes";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME [IMAGE]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Makes an image of the sandbox's image and one layer more, with all that is different in the sandbox, and"
                        + " prints its digest. What is mounted is left out. The config is that of the sandbox's image.",
                "What commands write meanwhile may be in it or not: stop them first. A file that has kept its size, its"
                        + " time and its mode counts as unchanged.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("An image with a package more", """
            cay create --name lab --network host debian:12
            cay exec lab -- sh -c 'apt-get update && apt-get install -y curl'
            cay commit lab debian-curl"""));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = Operands.some(arguments, "cay commit NAME IMAGE");
        if (operands.size() > 2) {
            throw Operands.unexpected(operands.get(2), "one image is made at a time");
        }
        Optional<String> name = operands.size() == 2 ? Optional.of(operands.get(1)) : Optional.empty();
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(operands.get(0))) {
            ImageInfo image = engine.commit(sandbox, name);
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> ImageJson.write(json, image));
            } else {
                context.streams().print(image.digest() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }
}
