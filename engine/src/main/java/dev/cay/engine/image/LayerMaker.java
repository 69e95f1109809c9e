package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/** Makes the file that is kept of a layer. */
interface LayerMaker {
    /**
     * What was made.
     *
     * @param digest of the archive before it was compressed
     * @param content how large it was
     * @param opaque whether it hides all layers below it
     */
    record Made(Digest digest, long content, boolean opaque) {
        public Made {
            requireNonNull(digest, "digest is null");
        }
    }

    /**
     * Reads an archive, compressed or not, to its end.
     *
     * @param file is made
     * @throws dev.cay.SandboxException.BadImage if the archive is damaged or not allowed
     */
    Made make(InputStream archive, Path file) throws IOException;
}
