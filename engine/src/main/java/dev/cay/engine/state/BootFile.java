package dev.cay.engine.state;

import dev.cay.BootStep;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** How a microVM came up, as it is written down. */
final class BootFile {
    private static final int VERSION = 1;

    private BootFile() {}

    static void write(Path file, List<BootStep> steps) throws IOException {
        String json = JsonWriter.object(out -> out.field("version", VERSION).objects("steps", steps, BootFile::write));
        Directories.replace(file, json.getBytes(StandardCharsets.UTF_8));
    }

    private static void write(JsonWriter out, BootStep step) {
        out.field("name", step.name())
                .field("at", step.at().toNanos())
                .field("took", step.took().toNanos())
                .field("warning", step.warning());
    }

    /** What is written there; nothing if there is no file. */
    static List<BootStep> read(Path file) throws IOException {
        String json;
        try {
            json = Files.readString(file);
        } catch (NoSuchFileException e) {
            return List.of();
        }
        return StateJson.read(json, "the boot of a sandbox", in -> {
            StateJson.checkVersion(in, VERSION);
            return in.objects("steps", BootFile::step);
        });
    }

    private static BootStep step(JsonObject in) {
        return new BootStep(
                in.text("name"),
                Duration.ofNanos(in.number("at", 0, Long.MAX_VALUE)),
                Duration.ofNanos(in.number("took", 0, Long.MAX_VALUE)),
                in.optionalText("warning"));
    }
}
