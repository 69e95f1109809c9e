package dev.cay;

import dev.cay.ImageConfig.Platform;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The images of this machine. Layers are kept once, whatever images they are in, and what is here has been verified. Thread-safe,
 * also between processes. Listeners are called by several threads, one at a time.
 *
 * <p>A reference is the name of an image, as in {@code debian:12}, {@code debian@sha256:...} or {@code registry.example/a/b}, or the
 * beginning of its digest or its id.
 */
public interface Images {
    /**
     * Brings an image here from its registry, or only its name if all of it is here. Two that pull the same layer share the work,
     * also between processes.
     *
     * @param name its name
     * @param platform for which machines it has to be; by default for this one
     * @param listener is told how far it has come
     * @throws SandboxException.NotFound if the registry has no such image
     * @throws SandboxException.RegistryFailed if the registry fails, or wants a login
     * @throws SandboxException.BadImage if what comes is damaged or not allowed
     */
    ImageInfo pull(String name, Optional<Platform> platform, Consumer<ImageProgress> listener);

    /**
     * Takes images from an archive: one that {@code docker save} or {@link #save} has written, or an OCI image layout in a tar
     * archive; compressed by gzip or not.
     *
     * @param archive is read to its end and not closed
     * @throws SandboxException.BadImage if the archive is damaged, none of these, or not allowed; images before are here
     */
    List<ImageInfo> load(InputStream archive, Consumer<ImageProgress> listener);

    /**
     * Makes an image of one layer from an archive of a root file system.
     *
     * @param archive a tar archive, compressed by gzip, zstd or not; is read to its end and not closed
     * @param name what it is to be called; by its digest alone if empty
     * @param config what is to be said of its containers
     * @throws SandboxException.BadImage if the archive is damaged or not allowed
     */
    ImageInfo importRoot(InputStream archive, Optional<String> name, ImageConfig config);

    /**
     * Writes images into an archive that {@link #load} reads, as do Docker, podman and skopeo.
     *
     * @param references which
     * @param archive is not closed
     * @throws SandboxException.NotFound if one is not here; nothing was written
     */
    void save(List<String> references, OutputStream archive);

    /** The images that are here, in the order they came. */
    List<ImageInfo> list();

    /**
     * What an image wants of its containers.
     *
     * @throws SandboxException.NotFound if it is not here
     */
    ImageConfig config(String reference);

    /**
     * All that is known of an image.
     *
     * @throws SandboxException.NotFound if it is not here
     */
    ImageDetails inspect(String reference);

    /**
     * Gives an image another name, which is taken from the image that had it.
     *
     * @throws SandboxException.NotFound if the image is not here
     */
    void tag(String reference, String name);

    /**
     * Removes a name; with its last name the image goes, and layers that no other has. By its digest or its id an image is removed
     * with all its names.
     *
     * @throws SandboxException.NotFound if there is no such image
     * @throws SandboxException.Conflict if a sandbox is made of it
     */
    ImageRemoval remove(String reference);

    /**
     * Removes images that have no name and that no sandbox is made of, layers of no image, and what killed processes left.
     *
     * @param all also those that have a name
     */
    ImageRemoval prune(boolean all);

    /** Looks at everything that is here, byte by byte; changes nothing. Returns what is wrong, in words: nothing, if all is well. */
    List<String> check();

    /**
     * Keeps a user and a password for a registry, in a file that only this machine's administrator can read, after the registry has
     * taken them.
     *
     * @throws SandboxException.RegistryFailed if the registry refuses them
     */
    void login(String registry, String user, String password);

    /**
     * Forgets what {@link #login} has kept.
     *
     * @throws SandboxException.NotFound if there is nothing
     */
    void logout(String registry);
}
