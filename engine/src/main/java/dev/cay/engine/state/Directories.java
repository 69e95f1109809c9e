package dev.cay.engine.state;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;

/** Directories that appear and disappear as a whole, and files that are replaced as a whole. */
public final class Directories {
    /** What is being made begins so, what is being deleted so; neither is anything's name. */
    public static final String NEW = ".new-";

    public static final String GONE = ".gone-";

    public static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    /** Levels of 255 bytes that fit into a path of 4096. */
    private static final int DEEP = 12;

    private Directories() {}

    /** Makes a directory that nobody else may look into, and those above it. */
    public static Path make(Path directory) throws IOException {
        return Files.createDirectories(directory, PRIVATE);
    }

    public static List<String> names(Path directory) throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
        } catch (NoSuchFileException e) {
            // it has just gone
        }
        return names;
    }

    /** Replaces a file: whoever reads it sees the old content or the new one. Whoever calls this holds a lock. */
    static void replace(Path file, byte[] content) throws IOException {
        Path born = file.resolveSibling(file.getFileName() + ".new");
        Files.write(born, content);
        Files.move(born, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Deletes all that is there and follows no link; what somebody else deletes meanwhile is no error.
     *
     * <p>A sandbox can nest directories deeper than any path or stack reaches. So those that are deep are moved up first, to stand
     * beside the root under names that begin like its own.
     */
    public static void delete(Path root) throws IOException {
        Deletion deletion = new Deletion(root);
        for (Path next = root; next != null; next = deletion.deep.poll()) {
            deletion.delete(next, 0);
        }
    }

    private static final class Deletion {
        private final Path root;
        private final Deque<Path> deep = new ArrayDeque<>();
        private int moved;

        Deletion(Path root) {
            this.root = root;
        }

        void delete(Path path, int depth) throws IOException {
            if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
                if (depth == DEEP) {
                    moved++;
                    Path place = root.resolveSibling(root.getFileName() + "~" + moved);
                    deep.push(Files.move(path, place, StandardCopyOption.ATOMIC_MOVE));
                    return;
                }
                try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
                    for (Path entry : entries) {
                        delete(entry, depth + 1);
                    }
                } catch (NoSuchFileException e) {
                    return;
                } catch (DirectoryIteratorException e) {
                    throw e.getCause();
                }
            }
            Files.deleteIfExists(path);
        }
    }

    /** Deletes what was half made or half deleted by then. */
    public static void sweep(Path base, Instant before) throws IOException {
        for (String name : names(base)) {
            Path path = base.resolve(name);
            if (name.startsWith(GONE) || name.startsWith(NEW) && modified(path).isBefore(before)) {
                delete(path);
            }
        }
    }

    private static Instant modified(Path path) throws IOException {
        try {
            return Files.getLastModifiedTime(path, LinkOption.NOFOLLOW_LINKS).toInstant();
        } catch (NoSuchFileException e) {
            return Instant.MAX;
        }
    }
}
