package dev.cay.cli;

import dev.cay.ImageConfig;
import dev.cay.ImageDetails;
import dev.cay.ImageInfo;
import java.io.IOException;

/** Images as JSON: names and forms are stable. */
final class ImageJson {
    private ImageJson() {}

    /** The fields of an image, without the braces. */
    static void write(Json json, ImageInfo image) throws IOException {
        json.field("digest", image.digest())
                .field("id", image.id())
                .field("names", image.names())
                .field("platform", image.platform().toString())
                .field("added", image.added().toString())
                .field("size_bytes", image.size().bytes())
                .field("unshared_bytes", image.unshared().bytes())
                .field("users", image.users());
    }

    static void write(Json json, ImageDetails details) throws IOException {
        write(json, details.info());
        ImageConfig config = details.config();
        json.begin("config");
        if (config.created().isPresent()) {
            json.field("created", config.created().get());
        }
        json.field("entrypoint", config.entrypoint())
                .field("command", config.command())
                .field("environment", config.environment());
        if (config.workingDirectory().isPresent()) {
            json.field("working_directory", config.workingDirectory().get());
        }
        if (config.user().isPresent()) {
            json.field("user", config.user().get());
        }
        if (config.stopSignal().isPresent()) {
            json.field("stop_signal", config.stopSignal().get());
        }
        json.field("exposed_ports", config.exposedPorts())
                .field("volumes", config.volumes())
                .field("labels", config.labels())
                .end();
        json.beginArray("layers");
        for (ImageDetails.Layer layer : details.layers()) {
            json.begin()
                    .field("digest", layer.digest())
                    .field("size_bytes", layer.size().bytes())
                    .field("content_bytes", layer.content().bytes())
                    .end();
        }
        json.endArray();
    }
}
