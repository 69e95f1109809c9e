package dev.cay.engine.image;

import dev.cay.SandboxException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/** Layers as EROFS files. */
final class ErofsLayers implements LayerMaker {
    @Override
    public Made make(InputStream archive, Path file) throws IOException {
        throw new SandboxException.Unsupported("layers cannot be converted yet", "");
    }
}
