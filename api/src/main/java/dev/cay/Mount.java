package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/** Something that a sandbox sees at a place of its own, over whatever its root file system has there. */
public sealed interface Mount {
    Size DEFAULT_TMPFS = Size.mib(64);

    /** Where it is in the sandbox: an absolute path, made if it is missing. */
    String target();

    /**
     * A file or a directory of this machine, with all that is mounted below it. What the sandbox's users write belongs, on
     * the host, to the owner of the source.
     *
     * @param source an absolute path of the host that exists
     * @param readOnly whether nothing can be changed, mounts below it included
     * @param executable whether programs can be run from it
     * @param anywhere whether sources that give away the host are accepted: {@code /}, {@code /etc}, {@code /proc} and the like
     */
    record Bind(Path source, String target, boolean readOnly, boolean executable, boolean anywhere) implements Mount {
        public Bind {
            requireNonNull(source, "source is null");
            requireNonNull(target, "target is null");
        }
    }

    /**
     * Memory, gone with the sandbox and counted against its memory limit.
     *
     * @param size the most that can be written; at least 64 KiB
     * @param mode the mode of its directory, 0 to 07777
     */
    record Tmpfs(String target, Size size, int mode) implements Mount {
        public Tmpfs {
            requireNonNull(target, "target is null");
            requireNonNull(size, "size is null");
        }
    }

    /**
     * A volume of {@link Volumes}, made with the first sandbox that names it.
     *
     * @param volume its name
     * @param readOnly whether nothing can be changed
     */
    record Named(String volume, String target, boolean readOnly) implements Mount {
        public Named {
            requireNonNull(volume, "volume is null");
            requireNonNull(target, "target is null");
        }
    }

    static Mount bind(Path source, String target) {
        return new Bind(source, target, false, true, false);
    }

    static Mount bindReadOnly(Path source, String target) {
        return new Bind(source, target, true, true, false);
    }

    static Mount tmpfs(String target, Size size) {
        return new Tmpfs(target, size, 01777);
    }

    static Mount volume(String name, String target) {
        return new Named(name, target, false);
    }

    /** Refuses what is out of range. */
    static void check(Mount mount) {
        Check.absolutePath("the mount's target", mount.target());
        String path = Check.normalized(mount.target());
        Check.that(
                !path.equals("/")
                        && Check.RESERVED.stream().noneMatch(top -> path.equals(top) || path.startsWith(top + "/")),
                "nothing can be mounted at " + mount.target(),
                "choose another place than " + String.join(", ", Check.RESERVED) + " and /");
        if (mount instanceof Bind bind) {
            Check.hostPath("the mount's source", bind.source());
        } else if (mount instanceof Tmpfs tmpfs) {
            Check.that(
                    tmpfs.size().compareTo(SandboxSpec.MINIMUM_TMPFS) >= 0,
                    "tmpfs size " + tmpfs.size() + " is below " + SandboxSpec.MINIMUM_TMPFS,
                    "give it more");
            Check.that(
                    tmpfs.mode() >= 0 && tmpfs.mode() <= 07777,
                    "mode " + Integer.toOctalString(tmpfs.mode()) + " is out of range",
                    "0 to 7777, octal");
        } else if (mount instanceof Named named) {
            Check.name("the volume's name", named.volume());
        }
    }
}
