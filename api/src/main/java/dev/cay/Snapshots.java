package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * MicroVMs that were kept as they were at one moment, with their memory, their disk and the commands that ran in them. Thread-safe,
 * also between processes.
 *
 * <p>A copy is a sandbox of its own. Of the ports of this machine it has none: they can be published anew. Before anything goes on in it it has random numbers that no other has, the time, its own host
 * name (if it was not given one), its own address and network card, and a machine id of its own, if it has one. Commands that ran
 * go on in it, but their streams stay with those who have started them: what they write there is dropped, unless original and copy
 * are detached. Connections that they had are theirs no more, and what they know of numbers and names from before, they still know.
 */
public interface Snapshots {
    /**
     * A snapshot.
     *
     * @param name what it is called
     * @param image what its sandbox was made of
     * @param memory of its guest
     * @param size what it takes of the disk at the most
     * @param halted for how long its sandbox stood still
     * @param created when it was made
     */
    record Info(String name, String image, Size memory, Size size, Duration halted, Instant created) {
        public Info {
            Check.name("the snapshot's name", name);
            requireNonNull(image, "image is null");
            requireNonNull(memory, "memory is null");
            requireNonNull(size, "size is null");
            requireNonNull(halted, "halted is null");
            requireNonNull(created, "created is null");
        }
    }

    /**
     * What a copy is to be that the original was not.
     *
     * @param name what it is to be called
     * @param lifetime for how long it lives; it cannot end with a command of its own
     */
    record Copy(Optional<String> name, Lifetime lifetime) {
        public Copy {
            name.ifPresent(value -> Check.name("the copy's name", value));
            Check.that(
                    !lifetime.removedAtEnd(),
                    "a copy does not end with the command that goes on in it",
                    "give it a time, or remove it");
        }

        /** One that ends with this process. */
        public static Copy attached(Optional<String> name) {
            return new Copy(name, Lifetime.attached());
        }

        /** One that lives until it is removed. */
        public static Copy detached(Optional<String> name) {
            return new Copy(name, Lifetime.untilRemoved());
        }
    }

    /**
     * Keeps a sandbox as it is. It stands still for a moment and goes on.
     *
     * @param sandbox a microVM of QEMU, whoever made it; it has no volume, no files of this machine, and no init of its image
     * @throws SandboxException.Conflict if there is a snapshot of this name, or it is paused
     * @throws SandboxException.Unsupported if it is none that could be kept
     */
    Info create(Sandbox sandbox, String name);

    /**
     * Makes a sandbox that goes on where a snapshot was taken. In a detached copy of a detached sandbox its commands can be taken up
     * as they could be there: their numbers, and what they have written, are the same.
     *
     * @throws SandboxException.NotFound if there is no such snapshot, or not its image any more
     * @throws SandboxException.Unsupported if it is of another kernel, VMM, processor or version of Cay
     */
    Sandbox restore(String snapshot, Copy copy);

    /** The same with one that ends with this process. */
    default Sandbox restore(String snapshot, Optional<String> name) {
        return restore(snapshot, Copy.attached(name));
    }

    /**
     * Makes a sandbox that goes on where another one is, of which no snapshot is left.
     *
     * @param sandbox as in {@link #create}
     */
    Sandbox fork(Sandbox sandbox, Copy copy);

    /** The same with one that ends with this process. */
    default Sandbox fork(Sandbox sandbox, Optional<String> name) {
        return fork(sandbox, Copy.attached(name));
    }

    /** All of them, by name. */
    List<Info> list();

    /**
     * Removes a snapshot. Sandboxes that began with it go on.
     *
     * @throws SandboxException.NotFound if there is none
     */
    void remove(String name);
}
