package dev.cay.engine.container;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import java.nio.file.Path;
import java.util.Optional;

/** Where named volumes come from. Thread-safe. */
public interface VolumeSource {
    /**
     * Where a volume is.
     *
     * @param data the directory that is mounted, if there is no image; a real path
     * @param image an ext4 file system that is mounted instead; a real path
     */
    record Place(Path data, Optional<Path> image) {
        public Place {
            requireNonNull(data, "data is null");
            requireNonNull(image, "image is null");
        }
    }

    /** Enters a sandbox as a user of a volume, which is made if it is missing. */
    Place use(String volume, String sandbox);

    /** The sandbox uses it no more; without effect if it does not. */
    void release(String volume, String sandbox);

    /** Where there are none. */
    static VolumeSource none() {
        return new VolumeSource() {
            @Override
            public Place use(String volume, String sandbox) {
                throw new SandboxException.Unsupported(
                        "there are no volumes here: '" + volume + "'", "mount a directory of the host instead");
            }

            @Override
            public void release(String volume, String sandbox) {
                // there is nothing that it could use
            }
        };
    }
}
