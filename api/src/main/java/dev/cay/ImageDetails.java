package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * All that is known of an image.
 *
 * @param info what a list shows of it
 * @param config what its maker wants of its containers
 * @param layers what it is made of, the lowest first
 */
public record ImageDetails(ImageInfo info, ImageConfig config, List<Layer> layers) {
    /**
     * A layer of an image.
     *
     * @param digest of its archive before it was compressed
     * @param size what it takes of the disk
     * @param content how large its archive was before it was compressed
     */
    public record Layer(String digest, Size size, Size content) {
        public Layer {
            requireNonNull(digest, "digest is null");
            requireNonNull(size, "size is null");
            requireNonNull(content, "content is null");
        }
    }

    public ImageDetails {
        requireNonNull(info, "info is null");
        requireNonNull(config, "config is null");
        layers = List.copyOf(layers);
    }
}
