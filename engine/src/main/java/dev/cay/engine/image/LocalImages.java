package dev.cay.engine.image;

import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.ImageDetails;
import dev.cay.ImageInfo;
import dev.cay.ImageProgress;
import dev.cay.ImageRemoval;
import dev.cay.Images;
import dev.cay.SandboxException;
import dev.cay.engine.state.HostFailure;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The images of this machine: {@link ImageStore} keeps them. Thread-safe, also between processes. */
public final class LocalImages implements Images {
    /** The name of the directory. */
    public static final String NAME = "images";

    /** To take back what is half done takes less. */
    private static final long PATIENCE_MILLIS = 3_000;

    private final ImageStore store;
    private final Surroundings surroundings;
    private final Set<Pulling> running = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private LocalImages(ImageStore store, Surroundings surroundings) {
        this.store = store;
        this.surroundings = surroundings;
    }

    /**
     * Opens the images in a directory, which is made if it is missing.
     *
     * @param lives whether there is a sandbox of an id
     */
    public static LocalImages open(Path base, Predicate<String> lives) throws IOException {
        return open(base, lives, new ErofsLayers(), Surroundings.of(base));
    }

    static LocalImages open(Path base, Predicate<String> lives, LayerMaker maker, Surroundings surroundings)
            throws IOException {
        return new LocalImages(ImageStore.open(base, lives, maker), surroundings);
    }

    /**
     * An image that a sandbox is made of.
     *
     * @param digest of its manifest
     * @param layers EROFS files, the lowest first
     * @param config what its maker wants of its containers
     */
    public record Use(String digest, List<Path> layers, ImageConfig config) {
        public Use {
            layers = List.copyOf(layers);
        }
    }

    /** What a reference means at one moment: the digest of a manifest, and what the image wants of its containers. */
    public record Found(String digest, ImageConfig config) {}

    /** Finds an image. */
    public Found found(String reference) {
        return guarded("find " + shown(reference), () -> {
            StoredImage image = store.find(reference);
            return new Found(image.digest().toString(), image.config().config());
        });
    }

    @Override
    public ImageConfig config(String reference) {
        return found(reference).config();
    }

    /** Enters a sandbox as a user of an image, so that nobody removes it. */
    public Use use(String reference, String sandbox) {
        return guarded("use " + shown(reference), () -> {
            StoredImage image = store.use(reference, sandbox);
            return new Use(
                    image.digest().toString(), files(image), image.config().config());
        });
    }

    /** The layers of an image, the lowest first, as {@link Use#layers}. */
    public List<Path> layers(String reference) {
        return guarded("find " + shown(reference), () -> files(store.find(reference)));
    }

    /** The files of an image, without those that a layer above hides as a whole. */
    private List<Path> files(StoredImage image) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Digest digest : image.config().layers()) {
            LayerFiles.Layer layer = store.layers().read(digest);
            if (layer.opaque()) {
                files.clear();
            }
            files.add(store.layers().file(digest));
        }
        return files;
    }

    /** The sandbox uses its image no more; without effect if it uses none. */
    public void release(String sandbox) {
        guarded("release an image", () -> {
            store.release(sandbox);
            return sandbox;
        });
    }

    /** The digest of the manifest that a reference means at this moment. */
    public String digest(String reference) {
        return guarded(
                "find " + shown(reference), () -> store.resolve(reference).toString());
    }

    @Override
    public ImageInfo pull(String name, Optional<Platform> platform, Consumer<ImageProgress> listener) {
        Reference reference = Reference.parse(name);
        Consumer<ImageProgress> one = inTurn(listener);
        return guarded("pull " + shown(name), () -> {
            Credentials credentials = new Credentials(surroundings.credentials(), surroundings.variables());
            RegistryClient client = client(credentials, one);
            Pulling pulling = new Pulling(client, new CountDownLatch(1));
            running.add(pulling);
            try (client) {
                requireOpen();
                Platform wanted = platform.orElseGet(PlatformChoice::current);
                StoredImage image = new Pull(store, client, reference, wanted, one).run();
                return Catalogue.of(store).info(image);
            } finally {
                running.remove(pulling);
                pulling.end().countDown();
            }
        });
    }

    private RegistryClient client(CredentialSource credentials, Consumer<ImageProgress> listener) throws IOException {
        return new RegistryClient(
                RegistrySettings.read(surroundings.settings()),
                credentials,
                new Proxies(surroundings.variables()),
                surroundings.patience(),
                listener);
    }

    private static Consumer<ImageProgress> inTurn(Consumer<ImageProgress> listener) {
        Object turn = new Object();
        return progress -> {
            synchronized (turn) {
                listener.accept(progress);
            }
        };
    }

    private void requireOpen() {
        if (closed) {
            throw new SandboxException.Closed("the engine is closed");
        }
    }

    @Override
    public List<ImageInfo> load(InputStream archive, Consumer<ImageProgress> listener) {
        return guarded("load images", () -> {
            List<StoredImage> loaded = Load.run(store, archive, inTurn(listener));
            Catalogue catalogue = Catalogue.of(store);
            List<ImageInfo> images = new ArrayList<>();
            for (StoredImage image : loaded) {
                images.add(catalogue.info(image));
            }
            return images;
        });
    }

    @Override
    public ImageInfo importRoot(InputStream archive, Optional<String> name, ImageConfig config) {
        ImageConfig whole = config.created().isPresent() ? config : created(config);
        return made(archive, List.of(), List.of(), name, whole, "imported by cay");
    }

    /**
     * Makes an image of another and one layer more.
     *
     * @param base the image, which is here
     * @param archive the layer, a tar archive; is read to its end and not closed
     */
    public ImageInfo extend(String base, InputStream archive, Optional<String> name, ImageConfig config) {
        StoredImage below = guarded("find " + shown(base), () -> store.find(base));
        return made(
                archive, below.manifest().layers(), below.config().layers(), name, created(config), "committed by cay");
    }

    private ImageInfo made(
            InputStream archive,
            List<Descriptor> descriptors,
            List<Digest> digests,
            Optional<String> name,
            ImageConfig config,
            String comment) {
        Optional<Reference> reference = name.map(LocalImages::tagged);
        return guarded(
                "make an image",
                () -> store.bringing(pin -> {
                    pin.keepAll();
                    LayerFiles.Layer layer = store.layers().add(() -> new FilterInputStream(archive) {
                        @Override
                        public void close() {
                            // whoever has opened it closes it
                        }
                    });
                    List<Digest> layers = new ArrayList<>(digests);
                    layers.add(layer.digest());
                    List<Descriptor> all = new ArrayList<>(descriptors);
                    all.add(NewImage.layer(layer));
                    byte[] document = NewImage.config(config, layers, comment);
                    byte[] manifest = NewImage.manifest(document, all);
                    Digest digest = Digest.of(manifest);
                    List<References.Name> names = reference.stream()
                            .map(one -> new References.Name(one, digest, digest))
                            .toList();
                    StoredImage image = store.enter(digest, manifest, document, names);
                    return Catalogue.of(store).info(image);
                }));
    }

    private static ImageConfig created(ImageConfig config) {
        return new ImageConfig(
                config.platform(),
                Optional.of(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()),
                config.entrypoint(),
                config.command(),
                config.environment(),
                config.workingDirectory(),
                config.user(),
                config.stopSignal(),
                config.exposedPorts(),
                config.volumes(),
                config.labels());
    }

    @Override
    public void save(List<String> references, OutputStream archive) {
        guarded("save images", () -> {
            Save.run(store, references, archive);
            return references;
        });
    }

    @Override
    public List<ImageInfo> list() {
        return guarded("list images", () -> Catalogue.of(store).all());
    }

    @Override
    public ImageDetails inspect(String reference) {
        return guarded("inspect " + shown(reference), () -> Catalogue.of(store).details(store.find(reference)));
    }

    @Override
    public void tag(String reference, String name) {
        Reference parsed = tagged(name);
        guarded(
                "tag " + shown(reference),
                () -> store.locked(() -> {
                    Digest digest = store.resolve(reference);
                    store.give(List.of(new References.Name(parsed, digest, digest)));
                    return digest;
                }));
    }

    /** The name of an image that somebody gives to it here. */
    static Reference tagged(String name) {
        Reference parsed = Reference.parse(name);
        if (parsed.digest().isPresent()) {
            throw new SandboxException.InvalidSpec(
                    "an image cannot be given the name " + shown(name) + ": it has a digest", "write NAME[:TAG]");
        }
        return parsed;
    }

    @Override
    public ImageRemoval remove(String reference) {
        return guarded("remove " + shown(reference), () -> Removal.of(store, reference));
    }

    @Override
    public ImageRemoval prune(boolean all) {
        return guarded("prune images", () -> Removal.unused(store, all));
    }

    @Override
    public List<String> check() {
        return guarded("check images", () -> new StoreCheck(store).run());
    }

    @Override
    public void login(String registry, String user, String password) {
        String name = Reference.registry(registry);
        if (user.isEmpty() || user.indexOf(':') >= 0 || password.isEmpty()) {
            throw new SandboxException.InvalidSpec(
                    "a user and a password are needed, the user without a colon", "give both");
        }
        Credential.Password credential = new Credential.Password(user, password);
        guarded("log in to " + name, () -> {
            try (RegistryClient client = client((_, _) -> Optional.of(credential), _ -> {})) {
                client.knock(name);
            }
            new Credentials(surroundings.credentials(), surroundings.variables()).keep(name, credential);
            return name;
        });
    }

    @Override
    public void logout(String registry) {
        String name = Reference.registry(registry);
        guarded("log out of " + name, () -> {
            if (!new Credentials(surroundings.credentials(), surroundings.variables()).forget(name)) {
                throw Credentials.unknown(name);
            }
            return name;
        });
    }

    /** Ends what is being pulled and takes back what is half done. May be called again without effect. */
    public void close() {
        closed = true;
        List<Pulling> ended = List.copyOf(running);
        ended.forEach(Pulling::cancel);
        ended.forEach(Pulling::await);
        guarded("clean up", () -> {
            store.abandon();
            return ended;
        });
    }

    /** A pull that goes on. */
    private record Pulling(RegistryClient client, CountDownLatch end) {
        void cancel() {
            client.close();
        }

        void await() {
            try {
                if (!end.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
                    return; // its leftovers go with the next prune
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static String shown(String reference) {
        return ImageStore.shown(reference);
    }

    /** What is done with the disk. */
    private interface Action<T> {
        T run() throws IOException;
    }

    private static <T> T guarded(String what, Action<T> action) {
        try {
            return action.run();
        } catch (IOException e) {
            throw HostFailure.of("cannot " + what, "see whether the disk is full", e);
        }
    }
}
