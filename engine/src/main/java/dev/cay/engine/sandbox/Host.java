package dev.cay.engine.sandbox;

import dev.cay.SweepReport;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.state.ProcessIdentity;
import dev.cay.engine.state.Sweep;
import dev.cay.engine.state.Undo;
import dev.cay.engine.state.Undoer;
import dev.cay.engine.state.VolumeStore;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * This machine, as those see it that clean up. A process is held by its descriptor before anything is believed of its number.
 *
 * @param deadline of {@link System#nanoTime}, until when processes that have been killed may take to end; empty if each has its time
 */
record Host(
        Containers containers, VolumeStore volumes, ImageSource images, StoredNetworks networks, OptionalLong deadline)
        implements Undoer, Undo.Means, Sweep.Liveness {
    private static final long PATIENCE_NANOSECONDS = 10_000_000_000L;

    /** Whoever can be killed mostly ends sooner. */
    private static final long LEAST_NANOSECONDS = 100_000_000L;

    /** The same for one who kills several: they have as much time together as one has alone, but for a moment each. */
    Host together() {
        return until(System.nanoTime() + PATIENCE_NANOSECONDS);
    }

    /** The same for one who has no time: each has a moment. */
    Host atOnce() {
        return until(System.nanoTime());
    }

    private Host until(long deadline) {
        return new Host(containers, volumes, images, networks, OptionalLong.of(deadline));
    }

    private long patience() {
        return deadline.isEmpty()
                ? PATIENCE_NANOSECONDS
                : Math.max(LEAST_NANOSECONDS, deadline.getAsLong() - System.nanoTime());
    }

    /** A process, if it is still the one that is meant. */
    Optional<Child> process(ProcessIdentity identity) throws IOException {
        Child child;
        try {
            child = containers.process(identity.pid());
        } catch (SyscallException e) {
            if (e.is(Errno.ESRCH)) {
                return Optional.empty();
            }
            throw e;
        }
        if (ProcessIdentity.of(identity.pid()).filter(identity::equals).isPresent()) {
            return Optional.of(child);
        }
        child.close();
        return Optional.empty();
    }

    @Override
    public boolean isAlive(ProcessIdentity identity) throws IOException {
        Optional<Child> process = process(identity);
        try {
            // Whoever has ended and is not reaped yet is no more alive.
            return process.isPresent()
                    && Poll.await(0, Poll.Interest.reading(process.get().pidfd())) == 0;
        } finally {
            process.ifPresent(Child::close);
        }
    }

    @Override
    public boolean isEngineAlive(String engine) throws IOException {
        return containers.lives(engine);
    }

    @Override
    public String currentBoot() throws IOException {
        return ProcessIdentity.currentBoot();
    }

    @Override
    public boolean ranOutOfMemory(String group) {
        return containers.ranOutOfMemory(group);
    }

    @Override
    public void undo(String sandbox, Undo undo) throws IOException {
        undo.run(sandbox, this);
    }

    @Override
    public void removeCgroup(String name) throws IOException {
        containers.removeGroups(name);
    }

    @Override
    public void releaseIds(String sandbox) throws IOException {
        containers.releaseIds(sandbox);
    }

    @Override
    public void releaseVolume(String volume, String sandbox) throws IOException {
        volumes.release(volume, sandbox);
    }

    @Override
    public void leaveNetwork(String sandbox) throws IOException {
        networks.host().disconnect(sandbox);
    }

    @Override
    public void releaseImage(String sandbox) throws IOException {
        images.release(sandbox);
    }

    /** Takes away what nobody has any more of this machine's networks; what fails goes into the report. */
    SweepReport sweepNetworks(SweepReport report) {
        try {
            networks.host().sweep();
            networks.revive();
            return report;
        } catch (IOException | RuntimeException e) {
            List<String> failures = new ArrayList<>(report.failures());
            failures.add("networks: " + e.getMessage());
            return new SweepReport(report.adopted(), report.removed(), failures);
        }
    }

    @Override
    public void kill(ProcessIdentity identity) throws IOException {
        Optional<Child> process = process(identity);
        if (process.isPresent()) {
            try (Child child = process.get()) {
                child.signal(Processes.SIGKILL);
                if (Poll.await(patience(), Poll.Interest.reading(child.pidfd())) == 0) {
                    throw Stopping.doesNotEnd("the sandbox");
                }
            }
        }
    }
}
