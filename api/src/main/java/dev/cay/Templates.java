package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;

/**
 * Machines that were halted when they were up: a microVM that goes on where one of them was needs no boot. Thread-safe, also
 * between processes.
 *
 * <p>A microVM begins with a template if there is one that fits it: of the same kernel, the same version of Cay and of the VMM, the
 * same processor, and with as much memory and as many processors. Else it boots.
 */
public interface Templates {
    /**
     * A template.
     *
     * @param name what it is called
     * @param kernel the release of its kernel
     * @param memory of the guests that can begin with it
     * @param processors of the guests that can begin with it
     * @param size what it takes of the disk
     * @param created when it was made
     * @param usable whether a microVM of today could begin with it: not if its kernel, Cay or the VMM is another one now
     */
    record Info(String name, String kernel, Size memory, int processors, Size size, Instant created, boolean usable) {
        public Info {
            Check.name("the template's name", name);
            requireNonNull(kernel, "kernel is null");
            requireNonNull(memory, "memory is null");
            Check.that(processors >= 1, processors + " processors", "1 or more");
            requireNonNull(size, "size is null");
            requireNonNull(created, "created is null");
        }
    }

    /**
     * Boots a machine, halts it and keeps it. That takes as long as a boot.
     *
     * @param memory of the guests that are to begin with it
     * @param processors of the guests that are to begin with it: the whole number that is not below their limit ({@link Limits#cpus})
     * @throws SandboxException.Unsupported if a machine cannot have so many here
     * @throws SandboxException.Conflict if there is one of this name
     * @throws SandboxException.NotFound if there is no kernel
     * @throws SandboxException.SetupFailed if the machine does not come up
     */
    Info create(String name, Size memory, int processors);

    /** The same with one processor, as microVMs have that say nothing of it. */
    default Info create(String name, Size memory) {
        return create(name, memory, 1);
    }

    /** All of them, by name. */
    List<Info> list();

    /**
     * Removes a template. MicroVMs that began with it go on.
     *
     * @throws SandboxException.NotFound if there is none
     */
    void remove(String name);
}
