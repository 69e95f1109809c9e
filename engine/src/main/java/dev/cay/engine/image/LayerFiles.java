package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;

/**
 * The layers of this machine's images, each a directory that appears and disappears as a whole. Thread-safe, also between
 * processes.
 *
 * <pre>
 * layers/DIGEST/layer.erofs   its content; DIGEST is that of the archive before it was compressed
 * layers/DIGEST/layer.json    a {@link Layer}
 * layers/.new-NAME/           being made by who holds locks/NAME
 * locks/NAME                  empty; stays
 * </pre>
 */
final class LayerFiles {
    private static final String FILE = "layer.erofs";
    private static final String RECORD = "layer.json";
    private static final String HINT = "remove the images that have it, then pull them again";
    private static final int VERSION = 1;
    private static final long PAUSE_MILLIS = 100;

    private final Path layers;
    private final Path locks;
    private final LayerMaker maker;

    /** What this process is making. */
    private final Set<Path> making = ConcurrentHashMap.newKeySet();

    /**
     * A layer that is here.
     *
     * @param digest of its archive before it was compressed
     * @param content how large that was, in bytes
     * @param size of its file, in bytes
     * @param checksum of its file, a CRC-32C: against damage, not against evil
     * @param opaque whether it hides all layers below it
     */
    record Layer(Digest digest, long content, long size, long checksum, boolean opaque) {
        Layer {
            requireNonNull(digest, "digest is null");
        }
    }

    LayerFiles(Path base, LayerMaker maker) throws IOException {
        layers = Directories.make(base.resolve("layers"));
        locks = Directories.make(base.resolve("locks"));
        this.maker = maker;
    }

    /** Where a layer's archive comes from. */
    interface Source {
        /** Opens it; once at the most. */
        InputStream open() throws IOException;

        /** Somebody else is making this layer; called again and again while it is so. */
        default void waiting() throws IOException {}

        /** All of it has been read: refuses it unless it is what it was to be. */
        default void verify() throws IOException {}
    }

    /** Whether a layer is here. */
    boolean has(Digest digest) {
        return Files.exists(directory(digest));
    }

    Path file(Digest digest) {
        return directory(digest).resolve(FILE);
    }

    /** The digests of all layers. */
    List<Digest> all() throws IOException {
        List<Digest> digests = new ArrayList<>();
        for (String name : Directories.names(layers)) {
            Digest.parse(name.replaceFirst("-", ":")).ifPresent(digests::add);
        }
        return digests;
    }

    /**
     * Brings a layer here unless it is. Whoever comes first does it, the others wait and find it, or do it themselves.
     *
     * @throws SandboxException.BadImage if the archive has another digest than was announced
     */
    void add(Digest digest, Source source) throws IOException {
        if (has(digest)) {
            return;
        }
        Path lock = locks.resolve(digest.fileName());
        FileLocks.Action<Boolean> action = () -> has(digest) || make(digest, source);
        while (FileLocks.tryLocked(lock, action).isEmpty()) {
            source.waiting();
            pause();
        }
    }

    /** Waiting for a lock could not be ended by an interrupt. */
    private static void pause() throws IOException {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while another process was bringing the layer");
        }
    }

    private boolean make(Digest digest, Source source) throws IOException {
        Path born = layers.resolve(Directories.NEW + digest.fileName());
        try {
            making.add(born);
            Layer layer = make(born, source);
            if (!layer.digest().equals(digest)) {
                throw new SandboxException.BadImage(
                        "a layer is not what the image's config says: its digest is " + layer.digest() + " instead of "
                                + digest,
                        "the image is damaged, or somebody has changed it: ask its maker",
                        null);
            }
            Durable.move(born, directory(digest));
        } catch (IOException | RuntimeException e) {
            deleteAfter(e, born);
            throw e;
        } finally {
            making.remove(born);
        }
        return true;
    }

    /** Brings a layer here of which nothing is known before. */
    Layer add(Source source) throws IOException {
        String name = "import-"
                + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        Path lock = locks.resolve(name);
        try {
            return FileLocks.locked(lock, () -> {
                Path born = layers.resolve(Directories.NEW + name);
                try {
                    making.add(born);
                    Layer layer = make(born, source);
                    FileLocks.locked(locks.resolve(layer.digest().fileName()), () -> {
                        if (has(layer.digest())) {
                            Directories.delete(born);
                        } else {
                            Durable.move(born, directory(layer.digest()));
                        }
                        return layer;
                    });
                    return read(layer.digest());
                } catch (IOException | RuntimeException e) {
                    deleteAfter(e, born);
                    throw e;
                } finally {
                    making.remove(born);
                }
            });
        } finally {
            Files.deleteIfExists(lock);
        }
    }

    /** Whoever calls this holds the lock of what is made. */
    private Layer make(Path born, Source source) throws IOException {
        Directories.delete(born); // whoever began it is dead
        Files.createDirectory(born, Directories.PRIVATE);
        Path file = born.resolve(FILE);
        LayerMaker.Made made;
        try (InputStream archive = source.open()) {
            made = maker.make(archive, file);
            source.verify();
        }
        Durable.sync(file);
        Layer layer = new Layer(made.digest(), made.content(), Files.size(file), checksum(file), made.opaque());
        Durable.write(born.resolve(RECORD), write(layer).getBytes(StandardCharsets.UTF_8));
        Durable.sync(born);
        return layer;
    }

    private static void deleteAfter(Exception failure, Path born) {
        try {
            Directories.delete(born);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * What is known of a layer.
     *
     * @throws SandboxException.HostFailed if it is missing or its record is damaged
     */
    Layer read(Digest digest) throws IOException {
        String name = "the layer " + digest;
        try {
            String json = Files.readString(directory(digest).resolve(RECORD));
            return JsonObject.read(json, name, HINT, LayerFiles::read);
        } catch (NoSuchFileException e) {
            throw new SandboxException.HostFailed(name + " is missing", HINT, e);
        } catch (SandboxException.InvalidSpec e) {
            throw new SandboxException.HostFailed(e.getMessage(), HINT, e);
        }
    }

    /** What it takes of the disk; 0 if it is damaged or missing. */
    long size(Digest digest) throws IOException {
        Path file = file(digest);
        return Files.exists(file) ? Files.size(file) : 0;
    }

    private static String write(Layer layer) {
        return JsonWriter.object(out -> out.field("version", VERSION)
                .field("digest", layer.digest().toString())
                .field("content", layer.content())
                .field("size", layer.size())
                .field("crc32c", layer.checksum())
                .field("opaque", layer.opaque()));
    }

    private static Layer read(JsonObject in) {
        in.number("version", VERSION, VERSION);
        String digest = in.text("digest");
        return new Layer(
                Digest.parse(digest).orElseThrow(() -> in.refused("'" + digest + "' is no digest")),
                in.number("content", 0, Long.MAX_VALUE),
                in.number("size", 0, Long.MAX_VALUE),
                in.number("crc32c", 0, 0xFFFF_FFFFL),
                in.flag("opaque"));
    }

    /** What is wrong with a layer, in words. */
    Optional<String> check(Digest digest) throws IOException {
        Layer layer;
        try {
            layer = read(digest);
        } catch (SandboxException.HostFailed e) {
            return Optional.of(e.getMessage());
        }
        if (!layer.digest().equals(digest)) {
            return Optional.of("the layer " + digest + " says that it is " + layer.digest());
        }
        Path file = file(digest);
        if (!Files.exists(file)) {
            return Optional.of("the layer " + digest + " has lost its file");
        }
        boolean whole = Files.size(file) == layer.size() && checksum(file) == layer.checksum();
        return whole ? Optional.empty() : Optional.of("the file of the layer " + digest + " is damaged");
    }

    private static long checksum(Path file) throws IOException {
        CRC32C sum = new CRC32C();
        try (InputStream in = new CheckedInputStream(Files.newInputStream(file), sum)) {
            byte[] buffer = new byte[256 * 1024];
            while (in.read(buffer) >= 0) {
                continue;
            }
        }
        return sum.getValue();
    }

    /** Removes a layer. Whoever calls this knows that nobody uses it. */
    void remove(Digest digest) throws IOException {
        Path gone = layers.resolve(Directories.GONE + digest.fileName() + "-"
                + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong()));
        Files.move(directory(digest), gone);
        Directories.delete(gone);
    }

    /** Removes what this process is making, because it is about to end. */
    void abandon() throws IOException {
        for (Path born : making) {
            Directories.delete(born);
        }
    }

    /** Removes what killed processes have left. */
    void sweep() throws IOException {
        for (String name : Directories.names(layers)) {
            Path path = layers.resolve(name);
            if (name.startsWith(Directories.GONE)) {
                Directories.delete(path);
            } else if (name.startsWith(Directories.NEW)) {
                Path lock = locks.resolve(name.substring(Directories.NEW.length()));
                FileLocks.tryLocked(lock, () -> {
                    Directories.delete(path);
                    return path;
                });
            }
        }
        for (String name : Directories.names(locks)) {
            if (name.startsWith("import-")) {
                FileLocks.tryLocked(locks.resolve(name), () -> Files.deleteIfExists(locks.resolve(name)));
            }
        }
    }

    private Path directory(Digest digest) {
        return layers.resolve(digest.fileName());
    }
}
