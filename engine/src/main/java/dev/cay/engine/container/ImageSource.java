package dev.cay.engine.container;

import static java.util.Objects.requireNonNull;

import dev.cay.ImageConfig;
import dev.cay.SandboxException;
import java.nio.file.Path;
import java.util.List;

/** Where images come from. Thread-safe. */
public interface ImageSource {
    /**
     * An image whose layers are here.
     *
     * @param digest of its manifest
     * @param layers EROFS files, the lowest first; real paths
     * @param config what its maker wants of its containers
     */
    record Image(String digest, List<Path> layers, ImageConfig config) {
        public Image {
            requireNonNull(digest, "digest is null");
            requireNonNull(config, "config is null");
            layers = List.copyOf(layers);
        }
    }

    /**
     * What a reference means at one moment.
     *
     * @param digest of the image's manifest
     * @param config what its maker wants of its containers
     */
    record Found(String digest, ImageConfig config) {
        public Found {
            requireNonNull(digest, "digest is null");
            requireNonNull(config, "config is null");
        }
    }

    /**
     * Finds an image.
     *
     * @throws SandboxException.NotFound if there is no such image
     */
    Found find(String reference);

    /**
     * The digest of the manifest that a reference means at this moment.
     *
     * @throws SandboxException.NotFound if there is no such image
     */
    String digest(String reference);

    /**
     * Enters a sandbox as a user of an image, so that nobody removes it meanwhile.
     *
     * @throws SandboxException.NotFound if there is no such image
     */
    Image use(String reference, String sandbox);

    /** The sandbox uses its image no more; without effect if it uses none. */
    void release(String sandbox);

    /** Where there are none. */
    static ImageSource none() {
        return new ImageSource() {
            @Override
            public String digest(String reference) {
                throw new SandboxException.Unsupported(
                        "there are no images here: '" + reference + "'",
                        "use a directory or the programs of this machine");
            }

            @Override
            public Found find(String reference) {
                throw new IllegalStateException("there is an image " + digest(reference) + " where there are none");
            }

            @Override
            public Image use(String reference, String sandbox) {
                throw new IllegalStateException("there is an image " + digest(reference) + " where there are none");
            }

            @Override
            public void release(String sandbox) {
                // there is nothing that it could use
            }
        };
    }
}
