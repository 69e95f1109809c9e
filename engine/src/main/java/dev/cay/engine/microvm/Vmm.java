package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A program that runs machines. Thread-safe. */
public interface Vmm {
    /** What not every VMM does. */
    enum Ability {
        /** It runs guests where the processor does not. */
        EMULATION,
        /** It saves machines, and begins with what has been saved. */
        CLONES,
        /** A guest that knows ACPI can switch its machine off; else it ends by restarting. */
        POWER_OFF,
        /** The guest's first process comes by a vsock; else there is a port for it. */
        VSOCK
    }

    /**
     * Starts a machine, and returns when the VMM runs: the guest boots, or goes on, meanwhile.
     *
     * @throws SandboxException.Unsupported if it can not be such a machine; nothing has been done then
     * @throws IOException if the VMM could not be started or gave up at once; the message says what it said
     */
    Machine start(MachineSpec spec, Origin origin) throws IOException;

    /** The same with one that boots. */
    default Machine start(MachineSpec spec) throws IOException {
        return start(spec, new Origin.Boot());
    }

    /** Tells a machine of this program from one of another version of it: state that was saved is its own. */
    String identity() throws IOException;

    Set<Ability> abilities();

    /**
     * How many disks a machine can have.
     *
     * @param acpi whether its kernel knows ACPI
     * @param files whether it has files of this machine
     */
    default int maximumDisks(boolean acpi, boolean files) {
        return MachineSpec.maximumDisks(acpi, files);
    }

    /**
     * What the guest sees as the serials of disks, by those that they were given.
     *
     * @throws IOException if it could not tell them apart
     */
    default Map<String, String> serials(List<Disk> disks) throws IOException {
        Map<String, String> serials = new HashMap<>();
        disks.forEach(disk -> serials.put(disk.serial(), disk.serial()));
        return serials;
    }

    /** Refuses what a VMM does not have. */
    static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint);
        }
    }
}
