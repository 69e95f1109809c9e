package dev.cay.engine.state;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotLinkException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The names of sandboxes: links to their ids. A sandbox's directory is there before its name and goes after it, so a name whose
 * sandbox is not there is nobody's. Thread-safe, also between processes.
 */
final class Names {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}");

    private final Path directory;
    private final Path lock;
    private final Predicate<String> exists;

    /** @param exists whether there is a sandbox of an id */
    Names(Path base, Predicate<String> exists) throws IOException {
        directory = Directories.make(base.resolve("names"));
        lock = base.resolve("names.lock");
        this.exists = exists;
    }

    /**
     * Gives a sandbox a name.
     *
     * @throws SandboxException.Conflict if another sandbox has it
     */
    void claim(String name, String id) throws IOException {
        FileLocks.locked(lock, () -> {
            Path link = directory.resolve(name);
            Path target = Path.of(id);
            try {
                return Files.createSymbolicLink(link, target);
            } catch (FileAlreadyExistsException e) {
                Optional<String> holder = holder(name);
                if (holder.isPresent()) {
                    throw new SandboxException.Conflict(
                            "the name " + name + " is that of sandbox " + holder.get(),
                            "choose another, or remove that sandbox");
                }
                Files.delete(link);
                return Files.createSymbolicLink(link, target);
            }
        });
    }

    /** Takes a sandbox's name from it: whatever it is, as the sandbox's record may be unreadable. */
    void release(String id) throws IOException {
        FileLocks.locked(lock, () -> {
            for (String name : Directories.names(directory)) {
                if (holder(name).equals(Optional.of(id))) {
                    Files.deleteIfExists(directory.resolve(name));
                }
            }
            return directory;
        });
    }

    /** Removes the names of nobody. */
    void sweep() throws IOException {
        FileLocks.locked(lock, () -> {
            for (String name : Directories.names(directory)) {
                if (holder(name).isEmpty()) {
                    Files.deleteIfExists(directory.resolve(name));
                }
            }
            return directory;
        });
    }

    /** The id of the sandbox that is called so. */
    Optional<String> holder(String name) throws IOException {
        if (!NAME.matcher(name).matches()) {
            return Optional.empty();
        }
        try {
            String id = Files.readSymbolicLink(directory.resolve(name)).toString();
            return exists.test(id) ? Optional.of(id) : Optional.empty();
        } catch (NoSuchFileException | NotLinkException e) {
            return Optional.empty();
        }
    }
}
