package dev.cay.engine.microvm;

import java.io.IOException;

/** A program that runs machines. Thread-safe. */
public interface Vmm {
    /**
     * Starts a machine, and returns when the VMM runs: the guest boots, or goes on, meanwhile.
     *
     * @throws IOException if the VMM could not be started or gave up at once; the message says what it said
     */
    Machine start(MachineSpec spec, Origin origin) throws IOException;

    /** The same with one that boots. */
    default Machine start(MachineSpec spec) throws IOException {
        return start(spec, new Origin.Boot());
    }

    /** Tells a machine of this program from one of another version of it: state that was saved is its own. */
    String identity() throws IOException;
}
