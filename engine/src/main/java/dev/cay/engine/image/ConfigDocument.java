package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.ImageConfig;
import java.util.List;

/**
 * An image's config: OCI image specification, config.md.
 *
 * @param config what containers are to be like
 * @param layers the digests of the layers before they were compressed, the lowest first
 */
record ConfigDocument(ImageConfig config, List<Digest> layers) {
    ConfigDocument {
        requireNonNull(config, "config is null");
        layers = List.copyOf(layers);
    }
}
