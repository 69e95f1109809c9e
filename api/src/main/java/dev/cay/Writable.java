package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/** Where the changes go that a sandbox makes to its root file system. */
public sealed interface Writable {
    /**
     * Into memory, gone with the sandbox; counted against its memory limit.
     *
     * @param size the most that can be written; at least 64 KiB
     */
    record Tmpfs(Size size) implements Writable {
        public Tmpfs {
            requireNonNull(size, "size is null");
        }
    }

    /**
     * Onto a disk of its own, gone with the sandbox; what is not written takes no space. Only microVMs have disks.
     *
     * @param size of the disk; at least 8 MiB
     */
    record Disk(Size size) implements Writable {
        public Disk {
            requireNonNull(size, "size is null");
        }
    }

    /**
     * Into a directory of this machine, made if it is missing. A later sandbox that is given the same directory and the
     * same root finds the changes again. Only one living sandbox may use it.
     *
     * @param path an absolute path
     */
    record Directory(Path path) implements Writable {
        public Directory {
            requireNonNull(path, "path is null");
        }
    }

    /**
     * Nowhere: the root is read-only, only {@code /tmp}, {@code /dev/shm} and {@code /dev/mqueue} can be written. In a microVM
     * {@code /run} and {@code /var} too, as programs of a whole system expect: changes to what the image has there are memory.
     *
     * @param tmp the size of {@code /tmp}, and of what is changed elsewhere; at least 64 KiB
     */
    record Nothing(Size tmp) implements Writable {
        public Nothing {
            requireNonNull(tmp, "tmp is null");
        }
    }
}
