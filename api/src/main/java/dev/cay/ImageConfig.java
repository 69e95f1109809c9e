package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the maker of an image wants of the containers that are made of it, as the OCI image specification has it; checked, so that
 * all of it can become arguments, variables and paths. Immutable.
 *
 * @param platform for which machines its programs are
 * @param created when it was made, as the maker has written it
 * @param entrypoint what each command begins with
 * @param command what is run, behind the entry point, if nothing else is asked for
 * @param environment variables of each process
 * @param workingDirectory where commands begin; an absolute path
 * @param user as whom they run, as in {@code name}, {@code uid}, {@code name:group} or {@code uid:gid}; names are those of the image
 * @param stopSignal the signal that asks its command to end, a name or a number
 * @param exposedPorts ports that it listens on, as in {@code 80/tcp}
 * @param volumes absolute paths of what outlives a container
 * @param labels what the maker has to say about it
 */
public record ImageConfig(
        Platform platform,
        Optional<String> created,
        List<String> entrypoint,
        List<String> command,
        Map<String, String> environment,
        Optional<String> workingDirectory,
        Optional<String> user,
        Optional<String> stopSignal,
        List<String> exposedPorts,
        List<String> volumes,
        Map<String, String> labels) {
    private static final int MAXIMUM_ENTRIES = 8192;

    /**
     * A kind of machine.
     *
     * @param os its operating system, as in {@code linux}
     * @param architecture its processor as Go calls it, as in {@code amd64}
     * @param variant of the processor, as in {@code v8}
     */
    public record Platform(String os, String architecture, Optional<String> variant) {
        public Platform {
            part("the operating system", os);
            part("the architecture", architecture);
            variant.ifPresent(value -> part("the variant", value));
        }

        private static void part(String what, String text) {
            Check.that(
                    text.matches("[a-zA-Z0-9_.-]{1,64}"),
                    what + " of a platform cannot be '" + text + "'",
                    "write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, as in linux/amd64");
        }

        /** Reads what {@link #toString} writes. */
        public static Platform parse(String text) {
            String[] parts = text.split("/", -1);
            Check.that(
                    parts.length == 2 || parts.length == 3,
                    "'" + text + "' is not a platform",
                    "write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, as in linux/amd64");
            return new Platform(parts[0], parts[1], parts.length == 2 ? Optional.empty() : Optional.of(parts[2]));
        }

        @Override
        public String toString() {
            return os + "/" + architecture + (variant.isPresent() ? "/" + variant.get() : "");
        }
    }

    public ImageConfig {
        requireNonNull(platform, "platform is null");
        created.ifPresent(value -> Check.text("the time of its making", value));
        entrypoint = texts("the entry point", entrypoint);
        command = texts("the command", command);
        few("variables", environment.size());
        environment = Environment.copyOf(environment);
        workingDirectory.ifPresent(path -> Check.absolutePath("the working directory", path));
        user.ifPresent(value -> Check.text("the user", value));
        stopSignal.ifPresent(value -> Check.text("the stop signal", value));
        exposedPorts = texts("the ports", exposedPorts);
        volumes = List.copyOf(volumes);
        few("volumes", volumes.size());
        volumes.forEach(path -> Check.absolutePath("a volume", path));
        few("labels", labels.size());
        Map<String, String> copy = new LinkedHashMap<>();
        labels.forEach((name, value) -> copy.put(Check.text("a label", name), Check.text("a label", value)));
        labels = Collections.unmodifiableMap(copy);
    }

    private static List<String> texts(String what, List<String> texts) {
        few(what, texts.size());
        texts.forEach(text -> Check.text(what, text));
        return List.copyOf(texts);
    }

    private static void few(String what, int count) {
        Check.that(
                count <= MAXIMUM_ENTRIES,
                count + " are too many: " + what + " of an image",
                "at most " + MAXIMUM_ENTRIES);
    }

    /** The entry point and the command: what is run if nothing else is asked for. */
    public List<String> commandLine() {
        return Stream.concat(entrypoint.stream(), command.stream()).toList();
    }

    /**
     * What is run if something else is asked for, as in {@code docker run}.
     *
     * @param entry the entry point to be used instead of the image's; then the image's command is not used either
     * @param arguments what comes behind it instead of the image's command, if there are any
     */
    public List<String> commandLine(Optional<List<String>> entry, List<String> arguments) {
        List<String> rest = arguments.isEmpty() && entry.isEmpty() ? command : arguments;
        return Stream.concat(entry.orElse(entrypoint).stream(), rest.stream()).toList();
    }

    /** An image that asks for nothing. */
    public static ImageConfig empty(Platform platform) {
        return new ImageConfig(
                platform,
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of());
    }
}
