package dev.cay.engine.image;

import dev.cay.ImageConfig.Platform;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Reads the documents of images, none of which is to be trusted. Fields that are not known are passed over, as the specification
 * demands; a field twice, and a document that can be read as two things, are refused: tools would differ in what they see
 * (CVE-2021-41190).
 */
final class Documents {
    /** The most that a manifest or an index may have; registries take no larger ones either. */
    static final int MAXIMUM_MANIFEST = 4 << 20;

    static final int MAXIMUM_CONFIG = 8 << 20;

    private static final String HINT = "the image is damaged, or no image for containers: ask its maker";

    private Documents() {}

    /**
     * Reads a manifest or an index.
     *
     * @param announced what it is called by whoever gave it; counts where it does not say so itself; may be empty
     * @param name what it is, for messages
     * @throws SandboxException.BadImage if it is neither
     */
    static ImageDocument document(byte[] bytes, String announced, String name) {
        return read(bytes, MAXIMUM_MANIFEST, name, reader -> new DocumentParser(reader).parse(announced));
    }

    /**
     * Reads an image's config.
     *
     * @throws SandboxException.BadImage if it is none
     */
    static ConfigDocument config(byte[] bytes, String name) {
        return read(bytes, MAXIMUM_CONFIG, name, reader -> new ConfigParser(reader).parse());
    }

    /** Reads JSON that came from elsewhere. */
    static <T> T read(byte[] bytes, int maximum, String name, Function<JsonReader, T> form) {
        if (bytes.length > maximum) {
            throw new SandboxException.BadImage(name + " is larger than " + maximum + " bytes", HINT, null);
        }
        try {
            JsonReader reader = new JsonReader(new String(bytes, StandardCharsets.UTF_8), name, HINT);
            return form.apply(reader);
        } catch (SandboxException.InvalidSpec e) {
            String start = e.getMessage().startsWith(name) ? "" : name + ": ";
            throw new SandboxException.BadImage(start + e.getMessage(), HINT, e);
        }
    }

    static Digest digest(JsonReader reader, String what) {
        String text = reader.text(what);
        return Digest.parse(text)
                .orElseThrow(() -> reader.refused(JsonReader.shown(text) + " is not a digest that is supported"));
    }

    private static final class DocumentParser {
        private final JsonReader reader;
        private String mediaType = "";
        private long version = 2;
        private Optional<Descriptor> config = Optional.empty();
        private Optional<List<Descriptor>> layers = Optional.empty();
        private Optional<List<Descriptor>> images = Optional.empty();

        DocumentParser(JsonReader reader) {
            this.reader = reader;
        }

        ImageDocument parse(String announced) {
            reader.document(field -> {
                switch (field) {
                    case "schemaVersion" -> version = reader.number(field, Integer.MAX_VALUE);
                    case "mediaType" -> mediaType = reader.text(field);
                    case "config" -> config = Optional.of(descriptor());
                    case "layers" -> layers = Optional.of(descriptors(field, ImageDocument.MAXIMUM_LAYERS));
                    case "manifests" -> images = Optional.of(descriptors(field, ImageDocument.MAXIMUM_IMAGES));
                    default -> reader.skip();
                }
            });
            if (version != 2) {
                throw reader.refused(
                        "it is a manifest of schema " + version,
                        "build the image with a tool of today: nobody reads that form any more");
            }
            boolean manifest = config.isPresent() || layers.isPresent();
            if (manifest == images.isPresent()) {
                throw reader.refused(
                        manifest
                                ? "it is a manifest and an index at once"
                                : "it is neither a manifest nor an index of manifests");
            }
            String type = mediaType.isEmpty() ? announced : mediaType;
            return manifest ? manifest(type) : index(type);
        }

        private ImageDocument manifest(String type) {
            if (config.isEmpty() || layers.isEmpty()) {
                throw reader.refused("it has no " + (config.isEmpty() ? "config" : "layers"));
            }
            if (!type.isEmpty() && !MediaTypes.isManifest(type)) {
                throw reader.refused("it is a manifest, but calls itself " + JsonReader.shown(type));
            }
            String configType = config.get().mediaType();
            if (!configType.isEmpty() && !MediaTypes.isConfig(configType)) {
                throw noImage(configType);
            }
            for (Descriptor layer : layers.get()) {
                if (!MediaTypes.isLayer(layer.mediaType())) {
                    throw noImage(layer.mediaType());
                }
            }
            return new ImageDocument.Manifest(
                    type.isEmpty() ? MediaTypes.OCI_MANIFEST : type, config.get(), layers.get());
        }

        private ImageDocument index(String type) {
            if (!type.isEmpty() && !MediaTypes.isIndex(type)) {
                throw reader.refused("it is an index, but calls itself " + JsonReader.shown(type));
            }
            return new ImageDocument.Index(type.isEmpty() ? MediaTypes.OCI_INDEX : type, images.orElseThrow());
        }

        private SandboxException noImage(String type) {
            return reader.refused(
                    "it holds " + JsonReader.shown(type) + ", which is nothing that a container is made of",
                    "registries hold other things than images too: use the tool that this was made for");
        }

        private List<Descriptor> descriptors(String field, int maximum) {
            List<Descriptor> all = new ArrayList<>();
            reader.array(field, () -> {
                if (all.size() == maximum) {
                    throw reader.refused(field + " has more than " + maximum + " elements");
                }
                return all.add(descriptor());
            });
            return all;
        }

        private Descriptor descriptor() {
            DescriptorFields fields = new DescriptorFields();
            reader.object("a descriptor", field -> {
                switch (field) {
                    case "mediaType" -> fields.mediaType = reader.text(field);
                    case "digest" -> fields.digest = Optional.of(digest(reader, field));
                    case "size" -> fields.size = Optional.of(size(field));
                    case "platform" -> fields.platform = platform();
                    case "annotations" -> fields.name = name();
                    default -> reader.skip();
                }
            });
            return new Descriptor(
                    fields.mediaType,
                    fields.digest.orElseThrow(() -> reader.refused("a descriptor has no digest")),
                    fields.size.orElseThrow(() -> reader.refused("a descriptor has no size")),
                    fields.platform,
                    fields.name);
        }

        /** Containerd writes the whole name, skopeo what it was told. */
        private Optional<String> name() {
            String[] names = {"", ""};
            reader.object("annotations", annotation -> {
                switch (annotation) {
                    case "io.containerd.image.name" -> names[0] = reader.text(annotation);
                    case "org.opencontainers.image.ref.name" -> names[1] = reader.text(annotation);
                    default -> reader.skip();
                }
            });
            String name = names[0].isEmpty() ? names[1] : names[0];
            return name.isEmpty() ? Optional.empty() : Optional.of(name);
        }

        private long size(String field) {
            long size = reader.unsigned(field);
            if (size < 0) {
                throw reader.refused("the size is beyond 63 bits");
            }
            return size;
        }

        private Optional<Platform> platform() {
            PlatformFields fields = new PlatformFields();
            reader.object("platform", field -> {
                if (!fields.take(reader, field)) {
                    reader.skip();
                }
            });
            return fields.platform();
        }
    }

    private static final class DescriptorFields {
        private String mediaType = "";
        private Optional<Digest> digest = Optional.empty();
        private Optional<Long> size = Optional.empty();
        private Optional<Platform> platform = Optional.empty();
        private Optional<String> name = Optional.empty();
    }

    /** Of a descriptor or a config. */
    static final class PlatformFields {
        private String os = "";
        private String architecture = "";
        private String variant = "";

        boolean take(JsonReader reader, String field) {
            switch (field) {
                case "os" -> os = reader.text(field);
                case "architecture" -> architecture = reader.text(field);
                case "variant" -> variant = reader.text(field);
                default -> {
                    return false;
                }
            }
            return true;
        }

        /** Empty if it is not said, or in no form that a platform has. */
        Optional<Platform> platform() {
            try {
                return Optional.of(
                        new Platform(os, architecture, variant.isEmpty() ? Optional.empty() : Optional.of(variant)));
            } catch (SandboxException.InvalidSpec e) {
                return Optional.empty();
            }
        }
    }
}
