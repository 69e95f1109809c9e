package dev.cay.engine.state;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Lines that several processes add and others read as they come: {@code NAME}, which becomes {@code NAME.1} when it is full.
 * Thread-safe, also between processes.
 */
final class GrowingFile {
    private final Path file;
    private final Path earlier;
    private final Path lock;
    private final long full;

    /** @param full in bytes; both files together have about twice as many at the most */
    GrowingFile(Path base, String name, long full) {
        file = base.resolve(name);
        earlier = base.resolve(name + ".1");
        lock = base.resolve(name + ".lock");
        this.full = full;
    }

    void append(String line) throws IOException {
        FileLocks.locked(lock, () -> {
            if (Files.exists(file) && Files.size(file) >= full) {
                Files.move(file, earlier, StandardCopyOption.ATOMIC_MOVE);
            }
            LineFile.append(file, line);
            return file;
        });
    }

    /** All that is still there. */
    <T> List<T> read(Function<String, Optional<T>> form) throws IOException {
        return FileLocks.locked(lock, () -> {
            List<T> all = new ArrayList<>();
            for (Path part : List.of(earlier, file)) {
                LineFile.read(part).forEach(line -> form.apply(line).ifPresent(all::add));
            }
            return all;
        });
    }

    /** What is added from now on. */
    <T> LineFollower<T> follow(Function<String, Optional<T>> form) throws IOException {
        return FileLocks.locked(lock, () -> {
            if (!Files.exists(file)) {
                Files.createFile(file); // what is put aside before it is first looked for would be missed
            }
            return new LineFollower<>(file, earlier, form);
        });
    }

    /** What makes a file this file, whatever it is called; empty if there is none. */
    static Optional<Object> identity(Path file) throws IOException {
        try {
            return Optional.of(Files.getAttribute(file, "unix:ino"));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }
}
