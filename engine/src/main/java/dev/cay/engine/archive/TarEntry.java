package dev.cay.engine.archive;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * One file of an archive, without its content. Immutable.
 *
 * @param name as it stands in the archive, without NUL: see {@link EntryPath} for what may be done with it
 * @param mode the permissions with set-user-ID, set-group-ID and sticky bit: 12 bits
 * @param uid not negative
 * @param gid not negative
 * @param modified when the content was last modified, to the nanosecond
 * @param xattrs the extended attributes, in the order of their names
 */
public record TarEntry(
        ByteString name, Kind kind, int mode, long uid, long gid, Instant modified, Map<String, ByteString> xattrs) {
    static final int MODE_BITS = 0xFFF;

    public TarEntry {
        requireNonNull(kind, "kind is null");
        requireNonNull(modified, "modified is null");
        requireNoNul("name", name);
        require(mode >= 0 && mode <= MODE_BITS, "mode has more than 12 bits");
        require(uid >= 0, "uid is negative");
        require(gid >= 0, "gid is negative");
        if (xattrs.isEmpty()) {
            xattrs = Map.of();
        } else {
            xattrs = Collections.unmodifiableMap(new TreeMap<>(xattrs));
            xattrs.forEach((key, value) -> {
                require(!key.isEmpty() && key.indexOf('\0') < 0, "an extended attribute has no name, or NUL in it");
                requireNonNull(value, "the value of an extended attribute is null");
            });
        }
    }

    /** How many bytes of content follow; 0 for all but files. */
    public long size() {
        return kind instanceof Kind.File(long size) ? size : 0;
    }

    /** What an entry is, with what only that has. */
    public sealed interface Kind {
        /** The kernel's device number has 12 bits for it, and 20 for the minor. */
        int MAXIMUM_MAJOR = (1 << 12) - 1;

        int MAXIMUM_MINOR = (1 << 20) - 1;

        /** A regular file of so many bytes. */
        record File(long size) implements Kind {
            public File {
                require(size >= 0, "size is negative");
            }
        }

        /** Another name of an earlier entry. */
        record HardLink(ByteString target) implements Kind {
            public HardLink {
                requireTarget(target);
            }
        }

        record SymbolicLink(ByteString target) implements Kind {
            public SymbolicLink {
                requireTarget(target);
            }
        }

        record Directory() implements Kind {}

        record CharacterDevice(int major, int minor) implements Kind {
            public CharacterDevice {
                requireDevice(major, minor);
            }
        }

        record BlockDevice(int major, int minor) implements Kind {
            public BlockDevice {
                requireDevice(major, minor);
            }
        }

        record Fifo() implements Kind {}
    }

    private static void requireTarget(ByteString target) {
        requireNoNul("target", target);
        require(!target.isEmpty(), "target is empty");
    }

    private static void requireDevice(int major, int minor) {
        require(major >= 0 && major <= Kind.MAXIMUM_MAJOR, "major is outside of 0 to 4095");
        require(minor >= 0 && minor <= Kind.MAXIMUM_MINOR, "minor is outside of 0 to 1048575");
    }

    private static void requireNoNul(String what, ByteString value) {
        require(!value.contains(0), what + " contains NUL");
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
