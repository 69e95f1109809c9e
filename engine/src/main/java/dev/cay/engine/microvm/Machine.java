package dev.cay.engine.microvm;

import dev.cay.Usage;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MemoryFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A machine that runs, has been paused or has ended. Thread-safe.
 *
 * <p>What a guest does to its VMM shows here, so nothing that comes from that is believed further than it can be checked.
 */
public interface Machine extends AutoCloseable {
    /** The name of the guest's port that is the channel's other end. */
    String PORT = "dev.cay.stub";

    /**
     * The host's end of the channel to the guest's first process, a stream socket, and always the same; whoever takes it closes it.
     * With some VMMs there is none until that process has come to it.
     *
     * @param deadline a value of {@link System#nanoTime}, until which it waits
     * @throws IOException if there is none in time, or the machine has ended
     */
    Fd channel(long deadline) throws IOException;

    /** The last that the guest's console and the VMM have said, at most 64 KiB. */
    String console();

    /** Halts the guest's processors. */
    void pause() throws IOException;

    void resume() throws IOException;

    /**
     * Halts the guest's processors for good and writes what, with the memory, its clones begin with: that of its processors and
     * devices, some 70 KB. Of a machine that began as an {@link Origin.Mould}.
     *
     * @param state is sealed afterwards
     */
    void save(MemoryFile state) throws IOException;

    /**
     * Halts the guest's processors and writes all that it takes to go on there, its memory too. The machine can go on itself
     * afterwards ({@link #resume}); until then nobody changes its disks.
     *
     * @param state a file that is open for writing
     */
    void saveWhole(Fd state) throws IOException;

    /** Ends the machine without asking the guest; what it has not written to its disks is lost. */
    void quit() throws IOException;

    /** Kills the VMM, if it runs. */
    void kill();

    /** The number of a process of this machine that lives exactly as long as the VMM. */
    long pid();

    /** What the VMM has used so far, the guest's memory included. */
    Usage usage();

    /** How it ended; empty if it has not. */
    Optional<MachineEnd> end();

    /** Waits for its end. */
    Optional<MachineEnd> await(Duration limit);

    /**
     * What is to be done when it has been halted, with true, or goes on, with false, whoever asked for that. Nothing comes of it where
     * nobody but this object can ask.
     */
    default void onHalt(Consumer<Boolean> action) {}

    /**
     * Has the first process of the VMM's container keep a disk open, see {@link HeldDisk}; for those that others may come to.
     *
     * @param socket where they come
     */
    default void hold(HostKernel host, Fd disk, Path socket) throws IOException {
        throw new IOException("nobody else can come to this machine");
    }

    /** The name of the control groups that the VMM is in, if it has some of its own. */
    default Optional<String> group() {
        return Optional.empty();
    }

    /** What is to be done at its end, once, on some thread; at once if it has ended. It must not block. */
    void onEnd(Runnable action);

    /** Kills the VMM if it runs, and gives back all that it had. */
    @Override
    void close();
}
