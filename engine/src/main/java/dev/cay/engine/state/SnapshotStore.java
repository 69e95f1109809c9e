package dev.cay.engine.state;

import dev.cay.SandboxException;
import dev.cay.Size;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The snapshots of this machine. Thread-safe, also between processes.
 *
 * <pre>
 * NAME/snapshot.json   what it is
 * NAME/machine         its processor, its devices and its memory, as QEMU wrote them
 * NAME/changes         its disk, if it has one
 * NAME/executions/     what is known of its commands, if they can be taken up
 * .lock                held by whoever adds or removes one
 * </pre>
 *
 * A snapshot appears and disappears as a whole; what is being made when its maker is killed is removed by whoever cleans up after that
 * one's engine.
 */
public final class SnapshotStore {
    /** The name of the directory. */
    public static final String NAME = "snapshots";

    private static final String CHANGES = "changes";
    private static final String EXECUTIONS = "executions";
    private static final String DOCUMENT = "snapshot.json";
    private static final int MAXIMUM_DOCUMENT = 1 << 20;

    private final Path base;

    private SnapshotStore(Path base) {
        this.base = base;
    }

    /** Opens the directory, which is made if it is missing. */
    public static SnapshotStore open(Path base) throws IOException {
        return new SnapshotStore(Directories.make(base).toRealPath());
    }

    /** Removes what an engine that has died has half made. */
    public static void removeOf(Path base, String engine) throws IOException {
        for (String name : Directories.names(base)) {
            if (name.startsWith(bornBy(engine)) || name.startsWith(Directories.GONE)) {
                Directories.delete(base.resolve(name));
            }
        }
    }

    private static String bornBy(String engine) {
        return Directories.NEW + engine + "-";
    }

    /** One that is being made; what has not been kept when it is closed is gone. */
    public final class Draft implements AutoCloseable {
        private final Path directory;

        private Draft(Path directory) {
            this.directory = directory;
        }

        /** Where its machine is to be written. */
        public Path machine() {
            return directory.resolve("machine");
        }

        /** Where its disk is to be written. */
        public Path changes() {
            return directory.resolve(CHANGES);
        }

        /** Its disk, if it has one. */
        public Optional<Path> copiedChanges() {
            return SnapshotStore.changes(directory);
        }

        /** What is known of its commands. */
        public Executions executions() throws IOException {
            return new Executions(Directories.make(directory.resolve(EXECUTIONS)));
        }

        /**
         * Gives it its name.
         *
         * @throws SandboxException.Conflict if there is one of this name
         */
        public void keep(String name, Snapshot snapshot) throws IOException {
            sync(Files.writeString(directory.resolve(DOCUMENT), snapshot.toJson()));
            for (String file : Directories.names(directory)) {
                sync(directory.resolve(file));
            }
            sync(directory);
            FileLocks.locked(lock(), () -> {
                requireNew(name);
                return Files.move(directory, base.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            });
            sync(base);
        }

        @Override
        public void close() throws IOException {
            Directories.delete(directory);
        }
    }

    /** Begins one, which is an engine's until it is kept. */
    public Draft draft(String engine) throws IOException {
        return new Draft(Files.createDirectory(base.resolve(bornBy(engine) + random()), Directories.PRIVATE));
    }

    /** @throws SandboxException.Conflict if there is one of this name */
    public void requireNew(String name) {
        if (Files.exists(base.resolve(name))) {
            throw new SandboxException.Conflict(
                    "there is a snapshot " + name + " already", "remove it, or choose another name");
        }
    }

    /** The names of all. */
    public List<String> names() throws IOException {
        return Directories.names(base).stream().filter(this::isThere).sorted().toList();
    }

    private boolean isThere(String name) {
        return !name.startsWith(".") && !name.contains("/") && Files.isDirectory(base.resolve(name));
    }

    /**
     * One of them.
     *
     * @throws SandboxException.NotFound if there is none of this name
     */
    public Snapshot find(String name) throws IOException {
        if (isThere(name)) {
            try (var in = Files.newInputStream(base.resolve(name).resolve(DOCUMENT))) {
                String json = new String(in.readNBytes(MAXIMUM_DOCUMENT), StandardCharsets.UTF_8);
                return Snapshot.fromJson(name, json);
            } catch (NoSuchFileException e) {
                // it has just gone
            }
        }
        throw missing(name);
    }

    /** Where the machine of one is. */
    public Path machine(String name) {
        return base.resolve(name).resolve("machine");
    }

    /** Where its disk is, if it has one. */
    public Optional<Path> changes(String name) {
        return changes(base.resolve(name));
    }

    private static Optional<Path> changes(Path directory) {
        return Optional.of(directory.resolve(CHANGES)).filter(Files::exists);
    }

    /** What is known of its commands. */
    public Executions executions(String name) {
        return new Executions(base.resolve(name).resolve(EXECUTIONS));
    }

    /** What it takes of the disk at the most: what is not there of its disk takes nothing. */
    public Size size(String name) throws IOException {
        long size = 0;
        for (String file : Directories.names(base.resolve(name))) {
            size += Files.size(base.resolve(name).resolve(file));
        }
        return Size.bytes(size);
    }

    /** @throws SandboxException.NotFound if there is none of this name */
    public void remove(String name) throws IOException {
        Path gone = base.resolve(Directories.GONE + random());
        FileLocks.locked(lock(), () -> {
            if (!isThere(name)) {
                throw missing(name);
            }
            return Files.move(base.resolve(name), gone, StandardCopyOption.ATOMIC_MOVE);
        });
        Directories.delete(gone);
    }

    private static SandboxException missing(String name) {
        return new SandboxException.NotFound("there is no snapshot " + name, "see: cay snapshot ls");
    }

    private Path lock() {
        return base.resolve(".lock");
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }
}
