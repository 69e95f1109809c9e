package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.archive.TarException;
import dev.cay.engine.erofs.Layer;
import dev.cay.engine.erofs.LayerConverter;
import dev.cay.engine.erofs.LayerException;
import dev.cay.engine.erofs.LayerLimits;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/** Layers as EROFS files. */
final class ErofsLayers implements LayerMaker {
    @Override
    public Made make(InputStream archive, Path file) throws IOException {
        try {
            Layer layer = LayerConverter.convert(archive, file, LayerLimits.STANDARD);
            Digest digest = Digest.parse(layer.diffId()).orElseThrow();
            return new Made(digest, layer.uncompressedBytes(), layer.opaque());
        } catch (TarException e) {
            throw bad(e.reason().name(), e);
        } catch (LayerException e) {
            throw bad(e.reason().name(), e);
        }
    }

    private static SandboxException bad(String reason, IOException cause) {
        return new SandboxException.BadImage(
                "a layer cannot be used: " + cause.getMessage() + " (" + reason + ")",
                "the image is damaged, or asks for more than it may",
                cause);
    }
}
