package dev.cay.engine.microvm;

import java.io.IOException;

/** A program that runs machines. Thread-safe. */
public interface Vmm {
    /**
     * Starts a machine, and returns when the VMM runs: the guest boots meanwhile.
     *
     * @throws IOException if the VMM could not be started or gave up at once; the message says what it said
     */
    Machine start(MachineSpec spec) throws IOException;
}
