package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The images of this machine on its disk. Everything is named by its digest and appears and disappears as a whole, by being
 * renamed, so that a process can be killed at any moment. Thread-safe, also between processes.
 *
 * <pre>
 * images/DIGEST/manifest   as its maker wrote it; DIGEST is its digest
 * images/DIGEST/config     the same
 * layers/, locks/          see {@link LayerFiles}
 * references               see {@link References}
 * users/ID                 the digest of the image that the sandbox is made of
 * pins/                    see {@link Pins}
 * .lock                    held by whoever changes any of this but layers
 * </pre>
 *
 * <p>A layer is removed when no image and no pin names it, under the lock. So whoever brings an image first writes its pin, then
 * looks which layers are here, then brings the others, and last enters the image.
 */
final class ImageStore {
    static final String MANIFEST = "manifest";
    static final String CONFIG = "config";

    /** To make a sandbox takes less: what uses an image and is younger may become one. */
    private static final Duration HALF_MADE = Duration.ofMinutes(1);

    private static final Pattern PREFIX = Pattern.compile("(?:sha(?:256|512):)?([0-9a-f]{2,128})");
    private static final Pattern SANDBOX = Pattern.compile("[0-9a-z-]{1,64}");

    private final Path images;
    private final Path users;
    private final Path lock;
    private final Pins pins;
    private final References references;
    private final LayerFiles layers;
    private final Predicate<String> lives;

    /** What was found last: whoever makes a sandbox asks for its image more than once. What a digest names does not change. */
    private volatile Optional<StoredImage> found = Optional.empty();

    private ImageStore(Path base, Predicate<String> lives, LayerMaker maker) throws IOException {
        images = Directories.make(base.resolve("images"));
        users = Directories.make(base.resolve("users"));
        lock = base.resolve(".lock");
        pins = new Pins(base, lock);
        references = new References(base);
        layers = new LayerFiles(base, maker);
        this.lives = lives;
    }

    /**
     * Opens the images in a directory, which is made if it is missing.
     *
     * @param lives whether there is a sandbox of an id
     */
    static ImageStore open(Path base, Predicate<String> lives, LayerMaker maker) throws IOException {
        return new ImageStore(Directories.make(base).toRealPath(), lives, maker);
    }

    LayerFiles layers() {
        return layers;
    }

    /** What is done while nobody else changes anything. */
    <T> T locked(FileLocks.Action<T> action) throws IOException {
        return FileLocks.locked(lock, action);
    }

    List<References.Name> names() throws IOException {
        return references.read();
    }

    /** The digests of all images. */
    List<Digest> digests() throws IOException {
        List<Digest> digests = new ArrayList<>();
        for (String name : Directories.names(images)) {
            Digest.parse(name.replaceFirst("-", ":")).ifPresent(digests::add);
        }
        // Comparator's own functions cost a cold JVM milliseconds.
        digests.sort((one, other) -> one.hex().compareTo(other.hex()));
        return digests;
    }

    /** The image of a digest, if it is here. */
    Optional<StoredImage> read(Digest digest) throws IOException {
        Path directory = images.resolve(digest.fileName());
        byte[] manifest;
        byte[] config;
        try {
            manifest = Files.readAllBytes(directory.resolve(MANIFEST));
            config = Files.readAllBytes(directory.resolve(CONFIG));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        String name = "the manifest of the image " + digest;
        if (Documents.document(manifest, "", name) instanceof ImageDocument.Manifest document) {
            return Optional.of(new StoredImage(
                    digest, document, Documents.config(config, "the config of the image " + digest), directory));
        }
        throw new SandboxException.BadImage(name + " is an index", "remove the image, and pull it again", null);
    }

    /** The config of an image as it is here, whatever it is. */
    Optional<byte[]> config(Digest digest) throws IOException {
        try {
            return Optional.of(
                    Files.readAllBytes(images.resolve(digest.fileName()).resolve(CONFIG)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    Instant added(Digest digest) throws IOException {
        return Files.getLastModifiedTime(images.resolve(digest.fileName()), LinkOption.NOFOLLOW_LINKS)
                .toInstant();
    }

    /**
     * The digest that a reference means.
     *
     * @throws SandboxException.NotFound if there is no such image
     * @throws SandboxException.Conflict if it is the beginning of several
     */
    Digest resolve(String reference) throws IOException {
        Optional<Digest> whole = Digest.parse(reference);
        if (whole.isPresent() && isHere(whole.get())) {
            return whole.get();
        }
        List<References.Name> names = references.read();
        Optional<Digest> named = named(reference, names);
        if (named.isPresent()) {
            return named.get();
        }
        Set<Digest> begun = new HashSet<>();
        var matcher = PREFIX.matcher(reference);
        if (matcher.matches()) {
            for (Digest digest : digests()) {
                String id = id(digest);
                if (digest.hex().startsWith(matcher.group(1)) || id.startsWith(matcher.group(1))) {
                    begun.add(digest);
                }
            }
        }
        if (begun.size() > 1) {
            throw new SandboxException.Conflict(
                    "the digests of several images begin with " + reference, "give more of it, or a name");
        }
        return begun.stream()
                .findFirst()
                .orElseThrow(() -> new SandboxException.NotFound(
                        "there is no image " + shown(reference) + " here", "pull it, or list those that are here"));
    }

    /** Empty if the image is damaged: it can be removed all the same. */
    private String id(Digest digest) throws IOException {
        try {
            return read(digest).map(image -> image.id().hex()).orElse("");
        } catch (SandboxException.BadImage e) {
            return "";
        }
    }

    private static Optional<Digest> named(String reference, List<References.Name> names) {
        Reference parsed;
        try {
            parsed = Reference.parse(reference);
        } catch (SandboxException.InvalidSpec e) {
            if (PREFIX.matcher(reference).matches()) {
                return Optional.empty();
            }
            throw e;
        }
        return names.stream()
                .filter(name -> name.isMeantBy(parsed))
                .map(References.Name::image)
                .findFirst();
    }

    static String shown(String reference) {
        return reference.length() <= 100 ? reference : reference.substring(0, 100) + "...";
    }

    /** An image that is here. */
    StoredImage find(String reference) throws IOException {
        Digest digest = resolve(reference);
        Optional<StoredImage> last = found;
        if (last.isPresent() && last.get().digest().equals(digest) && isHere(digest)) {
            return last.get();
        }
        Optional<StoredImage> image = read(digest);
        found = image;
        return image.orElseThrow(() -> new SandboxException.HostFailed(
                "the image " + digest + " has a name, but is not here",
                "the store is damaged: pull the image again",
                null));
    }

    private boolean isHere(Digest digest) {
        return Files.exists(images.resolve(digest.fileName()).resolve(MANIFEST));
    }

    /** Enters a sandbox as a user of an image. */
    StoredImage use(String reference, String sandbox) throws IOException {
        Path user = user(sandbox);
        return locked(() -> {
            StoredImage image = find(reference);
            Files.writeString(user, image.digest().toString());
            return image;
        });
    }

    /** The sandbox uses its image no more. Without effect if it uses none. */
    void release(String sandbox) throws IOException {
        Path user = user(sandbox);
        locked(() -> Files.deleteIfExists(user));
    }

    private Path user(String sandbox) {
        if (!SANDBOX.matcher(sandbox).matches()) {
            throw new IllegalArgumentException("'" + sandbox + "' is not the id of a sandbox");
        }
        return users.resolve(sandbox);
    }

    /** Who uses which image; whoever calls this holds the lock, or takes it as it is at this moment. */
    Map<String, Digest> users() throws IOException {
        Map<String, Digest> all = new TreeMap<>();
        for (String id : Directories.names(users)) {
            if (isAlive(id)) {
                try {
                    Digest.parse(Files.readString(users.resolve(id))).ifPresent(digest -> all.put(id, digest));
                } catch (NoSuchFileException e) {
                    // it has just been released
                }
            }
        }
        return all;
    }

    private boolean isAlive(String id) throws IOException {
        if (lives.test(id)) {
            return true;
        }
        try {
            return Files.getLastModifiedTime(users.resolve(id))
                    .toInstant()
                    .isAfter(Instant.now().minus(HALF_MADE));
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Brings an image, and lets go of its layers at the end: by then it has been entered, or has failed. */
    <T> T bringing(Pins.Bringing<T> action) throws IOException {
        return pins.bringing(action);
    }

    /** Removes what this process is bringing, because it is about to end. */
    void abandon() throws IOException {
        layers.abandon();
        pins.abandon();
    }

    /**
     * Enters an image whose layers are here and pinned, or only its names if it is here.
     *
     * @param digest of the manifest
     * @param names it gets; whoever has them loses them
     */
    StoredImage enter(Digest digest, byte[] manifest, byte[] config, List<References.Name> names) throws IOException {
        Path born = images.resolve(Directories.NEW + random());
        try {
            Files.createDirectory(born, Directories.PRIVATE);
            Durable.write(born.resolve(MANIFEST), manifest);
            Durable.write(born.resolve(CONFIG), config);
            Durable.sync(born);
            return locked(() -> {
                Path directory = images.resolve(digest.fileName());
                if (!has(directory, MANIFEST, manifest) || !has(directory, CONFIG, config)) {
                    remove(digest); // it was damaged, if it was there at all
                    Durable.move(born, directory);
                }
                give(names);
                return read(digest).orElseThrow(() -> new IOException("the image has just vanished"));
            });
        } finally {
            Directories.delete(born);
        }
    }

    private static boolean has(Path directory, String name, byte[] content) throws IOException {
        try {
            return Arrays.equals(Files.readAllBytes(directory.resolve(name)), content);
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Gives names to images; whoever calls this holds the lock. */
    void give(List<References.Name> names) throws IOException {
        List<References.Name> all = new ArrayList<>(references.read());
        List<References.Name> before = List.copyOf(all);
        for (References.Name name : names) {
            all.removeIf(other -> other.reference().equals(name.reference()));
            all.add(name);
        }
        if (!all.equals(before)) {
            references.write(all);
        }
    }

    /** Takes names from images; whoever calls this holds the lock. */
    void take(List<References.Name> names) throws IOException {
        List<References.Name> all = new ArrayList<>(references.read());
        if (all.removeAll(names)) {
            references.write(all);
        }
    }

    /** Removes an image, but not its layers; whoever calls this holds the lock and has taken its names. */
    void remove(Digest digest) throws IOException {
        Path directory = images.resolve(digest.fileName());
        if (Files.exists(directory)) { // else it had but a name
            Path gone = images.resolve(Directories.GONE + digest.fileName() + "-" + random());
            Files.move(directory, gone);
            Directories.delete(gone);
        }
    }

    /** Removes layers of no image, and returns how many bytes they had; whoever calls this holds the lock. */
    long removeUnusedLayers() throws IOException {
        Optional<Set<Digest>> pinned = pins.layers();
        if (pinned.isEmpty()) {
            return 0;
        }
        Set<Digest> used = new HashSet<>(pinned.get());
        for (Digest digest : digests()) {
            try {
                read(digest).ifPresent(image -> used.addAll(image.config().layers()));
            } catch (SandboxException.BadImage e) {
                return 0; // it is damaged: nobody knows what it needs
            }
        }
        long freed = 0;
        for (Digest layer : layers.all()) {
            if (!used.contains(layer)) {
                Path file = layers.file(layer);
                freed += Files.exists(file) ? Files.size(file) : 0;
                layers.remove(layer);
            }
        }
        return freed;
    }

    /** Removes what killed processes have left; whoever calls this holds the lock. */
    void sweep() throws IOException {
        Directories.sweep(images, Instant.now().minus(HALF_MADE));
        layers.sweep();
        pins.sweep();
        for (String id : Directories.names(users)) {
            if (!isAlive(id)) {
                Files.deleteIfExists(users.resolve(id));
            }
        }
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }
}
