package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxSpec;
import dev.cay.Size;
import java.util.Optional;

/**
 * What a guest's kernel finds: two machines that differ in it cannot go on where the other one was.
 *
 * @param memory at least {@link MachineSpec#MINIMUM_MEMORY}
 * @param processors 1 to {@link MachineSpec#MAXIMUM_PROCESSORS}
 */
record GuestSize(Size memory, int processors) {
    GuestSize {
        requireNonNull(memory, "memory is null");
        if (processors < 1 || processors > MachineSpec.MAXIMUM_PROCESSORS) {
            throw new IllegalArgumentException(processors + " processors");
        }
    }

    /** That of a sandbox's guest; what has been found possible by {@link SpecCheck}. */
    static GuestSize of(SandboxSpec spec) {
        return new GuestSize(MicroVms.memory(spec), processors(spec));
    }

    /** The same, which may go on where another one was. */
    static GuestSize of(SandboxSpec spec, Optional<Past> past) {
        Size memory = past.isPresent() ? past.get().snapshot().machine().memory() : MicroVms.memory(spec);
        return new GuestSize(memory, processors(spec));
    }

    /**
     * As many as it takes to use the time that a sandbox may use: a half processor is one that is halted half of the time. One if
     * nothing is said, as each further one makes the boot of an emulated machine longer.
     */
    static int processors(SandboxSpec spec) {
        return (int) Math.ceil(spec.limits().cpus().orElse(1));
    }
}
