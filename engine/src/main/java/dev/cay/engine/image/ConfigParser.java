package dev.cay.engine.image;

import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.engine.json.JsonReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads one config. */
final class ConfigParser {
    private final JsonReader reader;
    private final Documents.PlatformFields platform = new Documents.PlatformFields();
    private final List<Digest> layers = new ArrayList<>();
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final Map<String, String> labels = new LinkedHashMap<>();
    private Optional<String> created = Optional.empty();
    private List<String> entrypoint = List.of();
    private List<String> command = List.of();
    private List<String> exposedPorts = List.of();
    private List<String> volumes = List.of();
    private Optional<String> workingDirectory = Optional.empty();
    private Optional<String> user = Optional.empty();
    private Optional<String> stopSignal = Optional.empty();
    private boolean rooted;

    ConfigParser(JsonReader reader) {
        this.reader = reader;
    }

    ConfigDocument parse() {
        reader.document(field -> {
            switch (field) {
                case "created" -> created = text(field);
                case "config" -> reader.object(field, this::wish);
                case "rootfs" -> rootfs();
                default -> {
                    if (!platform.take(reader, field)) {
                        reader.skip();
                    }
                }
            }
        });
        if (!rooted) {
            throw reader.refused("it does not say what its layers are (rootfs)");
        }
        Platform of = platform.platform().orElseThrow(() -> reader.refused("it does not say for which machines it is"));
        ImageConfig config = new ImageConfig(
                of,
                created,
                entrypoint,
                command,
                environment,
                workingDirectory,
                user,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
        return new ConfigDocument(config, layers);
    }

    private void rootfs() {
        rooted = true;
        reader.object("rootfs", field -> {
            switch (field) {
                case "type" -> {
                    if (!reader.text(field).equals("layers")) {
                        throw reader.refused("its root file system is not made of layers");
                    }
                }
                case "diff_ids" ->
                    reader.array(field, () -> {
                        if (layers.size() == ImageDocument.MAXIMUM_LAYERS) {
                            throw reader.refused("it has more than " + ImageDocument.MAXIMUM_LAYERS + " layers");
                        }
                        return layers.add(Documents.digest(reader, field));
                    });
                default -> reader.skip();
            }
        });
    }

    private void wish(String field) {
        switch (field) {
            case "Entrypoint" -> entrypoint = words(field);
            case "Cmd" -> command = words(field);
            case "Env" -> reader.array(field, this::variable);
            case "WorkingDir" -> workingDirectory = text(field).map(ConfigParser::absolute);
            case "User" -> user = text(field);
            case "StopSignal" -> stopSignal = text(field);
            case "ExposedPorts" -> exposedPorts = reader.names(field);
            case "Volumes" ->
                volumes = reader.names(field).stream()
                        .map(ConfigParser::absolute)
                        .distinct()
                        .toList();
            case "Labels" -> reader.object(field, label -> labels.put(label, reader.text(label)));
            default -> reader.skip();
        }
    }

    /** Old tools wrote a string instead of an array. */
    private List<String> words(String field) {
        return reader.isText() ? List.of(reader.text(field)) : reader.texts(field);
    }

    /** The last of a name counts, as it does for a process. */
    private boolean variable() {
        String text = reader.text("a variable");
        int equals = text.indexOf('=');
        if (equals <= 0) {
            throw reader.refused(JsonReader.shown(text) + " is no variable: NAME=VALUE");
        }
        environment.put(text.substring(0, equals), text.substring(equals + 1));
        return true;
    }

    private Optional<String> text(String field) {
        String text = reader.text(field);
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }

    private static String absolute(String path) {
        return path.startsWith("/") ? path : "/" + path;
    }
}
