package dev.cay.engine.image;

import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * What keeps layers of images that are about to come, for {@link ImageStore}. Thread-safe, also between processes.
 *
 * <pre>
 * pins/N          the digests of layers that an image needs
 * pins/N.files/   what is put aside meanwhile
 * pins/N.lock     locked by who brings it: if it is not, he is dead
 * </pre>
 */
final class Pins {
    private static final String LOCK_SUFFIX = ".lock";
    private static final String FILES_SUFFIX = ".files";

    /** Instead of digests: no layer is removed. */
    private static final String ALL = "all";

    private final Path pins;
    private final Path store;

    /** Those of this process. */
    private final Set<Path> held = ConcurrentHashMap.newKeySet();

    /** @param store the lock under which layers are removed */
    Pins(Path base, Path store) throws IOException {
        pins = Directories.make(base.resolve("pins"));
        this.store = store;
    }

    /** What brings an image. */
    interface Bringing<T> {
        T run(Pin pin) throws IOException;
    }

    /** Keeps layers that no image has yet. */
    final class Pin {
        private final Path file;

        private Pin(Path file) {
            this.file = file;
        }

        /** From now on these are not removed. To be called before it is looked which of them are here. */
        void keep(List<Digest> digests) throws IOException {
            StringBuilder text = new StringBuilder();
            digests.forEach(digest -> text.append(digest).append('\n'));
            FileLocks.locked(store, () -> Files.writeString(file, text.toString()));
        }

        /** The same for whoever cannot know them. */
        void keepAll() throws IOException {
            FileLocks.locked(store, () -> Files.writeString(file, ALL + "\n"));
        }

        /** An empty directory that is gone at the end. */
        Path directory() throws IOException {
            return Files.createDirectory(beside(file, FILES_SUFFIX), Directories.PRIVATE);
        }
    }

    /** Lets go of what is pinned at the end. */
    <T> T bringing(Bringing<T> action) throws IOException {
        Path file = pins.resolve(
                HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong()));
        try {
            held.add(file);
            return FileLocks.locked(beside(file, LOCK_SUFFIX), () -> action.run(new Pin(file)));
        } finally {
            letGo(file);
            held.remove(file);
        }
    }

    private static Path beside(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }

    private static void letGo(Path file) throws IOException {
        Directories.delete(beside(file, FILES_SUFFIX));
        Files.deleteIfExists(file);
        Files.deleteIfExists(beside(file, LOCK_SUFFIX));
    }

    /** Lets go of all that this process has pinned, because it is about to end. */
    void abandon() throws IOException {
        for (Path file : held) {
            letGo(file);
        }
    }

    /** All layers that are pinned; empty if none may be removed. Whoever calls this holds the lock of the store. */
    Optional<Set<Digest>> layers() throws IOException {
        Set<Digest> layers = new HashSet<>();
        for (String name : Directories.names(pins)) {
            if (name.endsWith(LOCK_SUFFIX) || name.endsWith(FILES_SUFFIX)) {
                continue;
            }
            try {
                for (String line : Files.readAllLines(pins.resolve(name))) {
                    if (line.equals(ALL)) {
                        return Optional.empty();
                    }
                    Digest.parse(line).ifPresent(layers::add);
                }
            } catch (NoSuchFileException e) {
                // it has just let go
            }
        }
        return Optional.of(layers);
    }

    /** Lets go of what the dead have pinned. */
    void sweep() throws IOException {
        for (String name : Directories.names(pins)) {
            if (name.endsWith(LOCK_SUFFIX)) {
                Path file = pins.resolve(name.substring(0, name.length() - LOCK_SUFFIX.length()));
                FileLocks.tryLocked(pins.resolve(name), () -> {
                    letGo(file);
                    return file;
                });
            }
        }
    }
}
