package dev.cay.engine.container;

import java.io.IOException;

/**
 * Where it is written down, before it is done, what a container takes of this machine, so that whoever comes later can give it back.
 */
public interface Ledger {
    /** A control group of this name. */
    void group(String name) throws IOException;

    /** User ids of the host. */
    void ids() throws IOException;

    /** They have been taken: these are from this one on. */
    void range(long firstId) throws IOException;

    /** A first process, which has just been made in the control group. */
    void firstProcess(long pid) throws IOException;

    /** A volume that the container uses. */
    void volume(String name) throws IOException;

    /** What it gets of a network of this machine. */
    void network(String name) throws IOException;

    /** The image that is its root. */
    void image() throws IOException;

    /** Where the same is written down of a further container, which the sandbox has besides that which it is. */
    Ledger part();
}
