package dev.cay.engine.erofs;

import static java.util.Objects.requireNonNull;

/**
 * What was converted.
 *
 * @param diffId the digest of the uncompressed archive, "sha256:" and 64 hexadecimal digits; what an image's configuration
 *     calls the layer
 * @param uncompressedBytes the size of the uncompressed archive
 * @param entries how many the archive had
 * @param opaque whether it hides all layers below it; an overlay does not see that for its root
 */
public record Layer(String diffId, long uncompressedBytes, long entries, boolean opaque) {
    public Layer {
        requireNonNull(diffId, "diffId is null");
        if (uncompressedBytes < 0 || entries < 0) {
            throw new IllegalArgumentException("a count is negative");
        }
    }
}
