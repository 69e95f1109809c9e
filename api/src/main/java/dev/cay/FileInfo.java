package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * What a sandbox's file is.
 *
 * @param name its name in its directory; of the root {@code /}
 * @param kind what it is
 * @param size in bytes
 * @param mode its permissions, 0 to 07777
 * @param user the id, in the sandbox, of its owner
 * @param group the id, in the sandbox, of its group
 * @param links how many names it has
 * @param modified when it was last written
 * @param target where it leads if it is a symbolic link
 */
public record FileInfo(
        FilePath name,
        FileKind kind,
        long size,
        int mode,
        long user,
        long group,
        long links,
        Instant modified,
        Optional<FilePath> target) {
    public FileInfo {
        requireNonNull(name, "name is null");
        requireNonNull(kind, "kind is null");
        requireNonNull(modified, "modified is null");
        requireNonNull(target, "target is null");
    }
}
