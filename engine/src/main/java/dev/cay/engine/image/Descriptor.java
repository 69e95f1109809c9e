package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.ImageConfig.Platform;
import java.util.Optional;

/**
 * What one document says of another, or of a layer: OCI image specification, descriptor.md.
 *
 * @param mediaType what it is; may be empty
 * @param digest of its bytes
 * @param size how many there are, 0 or more
 * @param platform for which machines it is
 * @param name how an archive says that the image is called
 */
record Descriptor(String mediaType, Digest digest, long size, Optional<Platform> platform, Optional<String> name) {
    Descriptor {
        requireNonNull(mediaType, "mediaType is null");
        requireNonNull(digest, "digest is null");
        requireNonNull(platform, "platform is null");
        requireNonNull(name, "name is null");
        if (size < 0) {
            throw new IllegalArgumentException("a negative size");
        }
    }

    static Descriptor of(String mediaType, byte[] content) {
        return new Descriptor(mediaType, Digest.of(content), content.length, Optional.empty(), Optional.empty());
    }
}
