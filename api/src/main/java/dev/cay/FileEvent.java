package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * Something that happened to a file below a watched directory.
 *
 * @param kind what happened
 * @param path which file, relative to the watched directory; the directory itself for {@link Kind#RESCAN}
 * @param renamedTo its new path, if it was renamed within what is watched
 */
public record FileEvent(Kind kind, FilePath path, Optional<FilePath> renamedTo) {
    /** What happened. */
    public enum Kind {
        CREATED,
        CHANGED,
        REMOVED,
        RENAMED,
        /** Events were lost, since more happened than could be told: look at everything again. */
        RESCAN
    }

    public FileEvent {
        requireNonNull(kind, "kind is null");
        requireNonNull(path, "path is null");
        requireNonNull(renamedTo, "renamedTo is null");
    }
}
