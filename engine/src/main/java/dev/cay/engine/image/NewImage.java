package dev.cay.engine.image;

import dev.cay.ImageConfig;
import dev.cay.engine.json.JsonWriter;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes the documents of images that are made here: OCI image specification, config.md and manifest.md. */
final class NewImage {
    private NewImage() {}

    /**
     * The config of an image.
     *
     * @param layers the digests of its layers before they were compressed, the lowest first
     * @param comment how it was made
     */
    static byte[] config(ImageConfig config, List<Digest> layers, String comment) {
        return bytes(JsonWriter.object(out -> out.field("created", config.created())
                .field("architecture", config.platform().architecture())
                .field("os", config.platform().os())
                .field("variant", config.platform().variant())
                .object("config", wish -> wish(wish, config))
                .object("rootfs", root -> root.field("type", "layers").texts("diff_ids", texts(layers)))
                .objects(
                        "history",
                        List.of(comment),
                        (entry, text) ->
                                entry.field("created", config.created()).field("comment", text))));
    }

    private static void wish(JsonWriter out, ImageConfig config) {
        out.field("User", config.user());
        names(out, "ExposedPorts", config.exposedPorts());
        out.texts(
                "Env",
                config.environment().entrySet().stream()
                        .map(variable -> variable.getKey() + "=" + variable.getValue())
                        .toList());
        if (!config.entrypoint().isEmpty()) {
            out.texts("Entrypoint", config.entrypoint());
        }
        if (!config.command().isEmpty()) {
            out.texts("Cmd", config.command());
        }
        names(out, "Volumes", config.volumes());
        out.field("WorkingDir", config.workingDirectory());
        Map<String, String> labels = config.labels();
        if (!labels.isEmpty()) {
            out.object("Labels", fields -> labels.forEach(fields::field));
        }
        out.field("StopSignal", config.stopSignal());
    }

    private static void names(JsonWriter out, String field, Collection<String> names) {
        if (!names.isEmpty()) {
            out.object(field, fields -> names.forEach(name -> fields.object(name, nothing -> {})));
        }
    }

    /** The manifest of an image. */
    static byte[] manifest(byte[] config, List<Descriptor> layers) {
        return bytes(JsonWriter.object(out -> out.field("schemaVersion", 2)
                .field("mediaType", MediaTypes.OCI_MANIFEST)
                .object("config", fields -> descriptor(fields, Descriptor.of(MediaTypes.OCI_CONFIG, config)))
                .objects("layers", layers, NewImage::descriptor)));
    }

    /** What says of a layer that it is not compressed. */
    static Descriptor layer(LayerFiles.Layer layer) {
        return new Descriptor(
                MediaTypes.OCI_LAYER, layer.digest(), layer.content(), Optional.empty(), Optional.empty());
    }

    static void descriptor(JsonWriter out, Descriptor descriptor) {
        out.field("mediaType", descriptor.mediaType())
                .field("digest", descriptor.digest().toString())
                .field("size", descriptor.size());
    }

    private static List<String> texts(List<Digest> digests) {
        return digests.stream().map(Digest::toString).toList();
    }

    private static byte[] bytes(String json) {
        return json.getBytes(StandardCharsets.UTF_8);
    }
}
