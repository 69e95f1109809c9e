package dev.cay.engine.microvm;

import dev.cay.linux.Fd;
import dev.cay.linux.MemoryFile;

/** What a machine begins with. */
public sealed interface Origin {
    /** Its kernel. */
    record Boot() implements Origin {}

    /**
     * Its kernel, so that clones can begin where it is saved. It has all the devices that a clone can have, with nothing behind
     * them but what is named.
     *
     * @param memory becomes the guest's; as large as that
     */
    record Mould(MemoryFile memory) implements Origin {}

    /**
     * Where a mould was saved. Its processor, its memory's size and its kernel are those of the mould; its disks may be others in
     * the places of those that the guest has not touched.
     *
     * @param memory the mould's, sealed: the clone sees it and keeps what it changes to itself
     * @param state what {@link Machine#save} wrote
     */
    record Clone(MemoryFile memory, MemoryFile state) implements Origin {}

    /**
     * The same for a clone of which nobody knows yet what it will be: it has read its state, but is halted, and has nothing in the places
     * of its disks, which are to be those of layers. See {@link QemuMachine#furnish}.
     */
    record Spare(MemoryFile memory, MemoryFile state) implements Origin {}

    /**
     * Where another machine was, with all that it had in its memory. Its processor, its memory's size and its devices are those of
     * that, its disks have what those had.
     *
     * @param state what {@link Machine#saveWhole} wrote, to be read from its beginning; the machine's from its start on
     * @param places whether it has all the devices that a clone can have
     * @param ports how many channels its guest has
     */
    record Saved(Fd state, boolean places, int ports) implements Origin {}
}
