package dev.cay.cli;

import dev.cay.ImageConfig.Platform;
import dev.cay.ImageInfo;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Optional;

/** {@code cay pull}: brings an image here from its registry. */
final class PullCommand implements Command {
    private static final Option PLATFORM =
            Option.valued("platform", "OS/ARCH", "For which machines, as in linux/arm64; by default for this one.");
    private static final Option QUIET = Option.flag("q", "quiet", "Print the image's digest only.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(PLATFORM, QUIET, Format.OPTION);

    @Override
    public String name() {
        return "pull";
    }

    @Override
    public String summary() {
        return "Bring an image here from its registry";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME[:TAG][@DIGEST]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Brings an image here and prints its digest. A name without a registry is one of docker.io, a name"
                        + " without a tag means the tag latest. What is here already is not brought again, and two that pull"
                        + " the same layers share the work.",
                "On a terminal each layer shows how far it is; elsewhere each of its steps is a line of standard error."
                        + " With --format json standard output has an object in each line, by its field event: found"
                        + " (name, digest, layers), layer (layer, step, bytes, total_bytes; the step is waiting, pulling,"
                        + " present or done), retry (problem, delay_ms), and at the end pulled, with all that"
                        + " 'cay image ls --format json' says of an image.",
                "Mirrors, registries without trusted certificates and their certificates are named in"
                        + " /etc/cay/registries.json, see 'cay help registry'. HTTPS_PROXY, HTTP_PROXY and NO_PROXY count.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("From docker.io", "cay pull debian:12"),
                new Example("From a registry of one's own", "cay pull registry.example:5000/team/tool"));
    }

    @Override
    public Offer offer() {
        return Offer.IMAGE_NAMES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        String name = Operands.one(arguments, "cay pull debian:12");
        Optional<Platform> platform = arguments.last(PLATFORM).map(Platform::parse);
        try (Sandboxes engine = context.engine().open()) {
            ImageInfo image = arguments.has(QUIET)
                    ? engine.images().pull(name, platform, progress -> {})
                    : engine.images().pull(name, platform, new ImageProgressReport(format, context));
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> {
                    json.field("event", "pulled");
                    ImageJson.write(json, image);
                });
            } else {
                context.streams().print(image.digest() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }
}
