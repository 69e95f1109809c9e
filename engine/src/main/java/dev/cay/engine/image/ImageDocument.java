package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.util.List;

/** What the name of an image leads to. */
sealed interface ImageDocument {
    /** The most layers an image can have here. An overlay has at most 500, some of them ours. */
    int MAXIMUM_LAYERS = 480;

    /** The most images an index can have. */
    int MAXIMUM_IMAGES = 4096;

    /** One image: OCI image specification, manifest.md; Docker's schema 2. */
    record Manifest(String mediaType, Descriptor config, List<Descriptor> layers) implements ImageDocument {
        public Manifest {
            requireNonNull(mediaType, "mediaType is null");
            requireNonNull(config, "config is null");
            layers = List.copyOf(layers);
        }
    }

    /** An image for each of several platforms: OCI image specification, image-index.md; Docker's manifest list. */
    record Index(String mediaType, List<Descriptor> images) implements ImageDocument {
        public Index {
            requireNonNull(mediaType, "mediaType is null");
            images = List.copyOf(images);
        }
    }
}
