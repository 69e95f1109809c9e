package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;

/**
 * Machines that were halted when they were up: a microVM that goes on where one of them was needs no boot. Thread-safe, also
 * between processes.
 *
 * <p>A microVM begins with a template if there is one that fits it: of the same kernel, the same version of Cay and of the VMM, the
 * same processor, and with as much memory. Else it boots.
 */
public interface Templates {
    /**
     * A template.
     *
     * @param name what it is called
     * @param kernel the release of its kernel
     * @param memory of the guests that can begin with it
     * @param size what it takes of the disk
     * @param created when it was made
     * @param usable whether a microVM of today could begin with it: not if its kernel, Cay or the VMM is another one now
     */
    record Info(String name, String kernel, Size memory, Size size, Instant created, boolean usable) {
        public Info {
            Check.name("the template's name", name);
            requireNonNull(kernel, "kernel is null");
            requireNonNull(memory, "memory is null");
            requireNonNull(size, "size is null");
            requireNonNull(created, "created is null");
        }
    }

    /**
     * Boots a machine, halts it and keeps it. That takes as long as a boot.
     *
     * @param memory of the guests that are to begin with it
     * @throws SandboxException.Conflict if there is one of this name
     * @throws SandboxException.NotFound if there is no kernel
     * @throws SandboxException.SetupFailed if the machine does not come up
     */
    Info create(String name, Size memory);

    /** All of them, by name. */
    List<Info> list();

    /**
     * Removes a template. MicroVMs that began with it go on.
     *
     * @throws SandboxException.NotFound if there is none
     */
    void remove(String name);
}
