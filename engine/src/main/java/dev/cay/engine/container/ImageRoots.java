package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.Fd;
import java.io.IOException;
import java.util.List;

/**
 * Images as root file systems.
 *
 * @param mounts where their layers are mounted
 */
record ImageRoots(ImageSource source, ImageMounts mounts) {
    /** An overlay has at most 500, and some of them are ours. */
    private static final int MAXIMUM_LAYERS = 480;

    /**
     * The layers of an image, the lowest first, as detached mounts.
     *
     * @param undo gives them and the image back when the sandbox is gone
     */
    List<Fd> use(String reference, Tenancy tenancy, Cleanup undo) throws IOException {
        tenancy.ledger().image();
        ImageSource.Image image = source.use(reference, tenancy.id());
        undo.push(() -> source.release(tenancy.id()));
        if (image.layers().size() > MAXIMUM_LAYERS) {
            throw new SandboxException.Unsupported(
                    "the image " + reference + " has " + image.layers().size() + " layers",
                    "squash it: at most " + MAXIMUM_LAYERS + " can be used");
        }
        ImageMounts.Use use = mounts.use(image.layers());
        undo.push(use); // as long as the sandbox lives the next one of this image finds its layers mounted
        return use.layers();
    }
}
