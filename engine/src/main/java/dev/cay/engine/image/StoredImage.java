package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/**
 * An image that is here.
 *
 * @param digest of its manifest
 * @param manifest as its maker wrote it
 * @param config as its maker wrote it
 * @param directory where the bytes of both are
 */
record StoredImage(Digest digest, ImageDocument.Manifest manifest, ConfigDocument config, Path directory) {
    StoredImage {
        requireNonNull(digest, "digest is null");
        requireNonNull(manifest, "manifest is null");
        requireNonNull(config, "config is null");
        requireNonNull(directory, "directory is null");
    }

    /** The digest of its config. */
    Digest id() {
        return manifest.config().digest();
    }

    Path manifestFile() {
        return directory.resolve(ImageStore.MANIFEST);
    }

    Path configFile() {
        return directory.resolve(ImageStore.CONFIG);
    }
}
