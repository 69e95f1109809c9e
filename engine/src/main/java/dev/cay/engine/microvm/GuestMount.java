package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.Size;
import dev.cay.engine.container.GuestUser;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * Something that a guest has at a place of its own. {@code nosuid}, {@code nodev} and {@code relatime} are always on.
 */
public sealed interface GuestMount {
    /** Absolute, normalised, not the root. */
    String path();

    Options options();

    /** What can be turned off. */
    record Options(boolean readOnly, boolean executable) {
        /** Nothing is. */
        public static final Options ALL = new Options(false, true);
    }

    /**
     * Memory.
     *
     * @param size the most that can be written; half of the guest's memory if empty
     * @param mode of its directory; 1777 for {@code /tmp} and {@code /var/tmp}, else 0755 if empty
     */
    record Tmpfs(String path, Optional<Size> size, OptionalInt mode, Options options) implements GuestMount {
        private static final int SCRATCH = 01777;
        private static final int ORDINARY = 0755;
        private static final int ALL_BITS = 07777;

        public Tmpfs {
            check(path, options);
            requireNonNull(size, "size is null");
            mode.ifPresent(bits -> GuestSpec.require(bits >= 0 && bits <= ALL_BITS, "a mode " + bits));
        }

        int effectiveMode() {
            return mode.orElse(path.equals("/tmp") || path.equals("/var/tmp") ? SCRATCH : ORDINARY);
        }
    }

    /**
     * A disk.
     *
     * @param serial by which it is found
     * @param type its file system; empty to try those that the kernel knows
     */
    record Disk(String serial, String path, Optional<String> type, Options options) implements GuestMount {
        public Disk {
            check(path, options);
            GuestSpec.Disks.check(serial, type);
        }
    }

    /**
     * A directory or a file of this machine, out of what its {@link FileServer} shows.
     *
     * @param name of it there
     * @param directory whether it is one
     * @param owner who owns it, as the guest sees it: what is missing in it for other mounts is made by him
     */
    record Share(String name, String path, boolean directory, Options options, GuestUser owner) implements GuestMount {
        private static final Pattern NAME = Pattern.compile("[0-9]{1,4}");

        public Share {
            check(path, options);
            requireNonNull(owner, "owner is null");
            GuestSpec.require(NAME.matcher(name).matches(), "a share '" + name + "'");
        }
    }

    private static void check(String path, Options options) {
        requireNonNull(options, "options are null");
        boolean absolute = path.startsWith("/") && path.length() > 1 && path.length() < 4096 && path.indexOf('\0') < 0;
        GuestSpec.require(
                absolute && List.of(path.substring(1).split("/", -1)).stream().noneMatch(GuestMount::isNoName),
                "a mount at '" + path + "'");
    }

    private static boolean isNoName(String name) {
        return name.isEmpty() || name.equals(".") || name.equals("..");
    }
}
