package dev.cay.engine.microvm;

import dev.cay.Size;
import dev.cay.engine.state.Directories;
import dev.cay.linux.HostKernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A VMM that has read a template's state and waits for the disks of the clone that it is to be: what a VMM takes to begin is done at
 * nobody's expense. There is one at most, of the template of which this engine has made two clones, one after the other; it is made when
 * the last of them is up and for a while no other one has been begun, and ends when nobody wants it. Thread-safe.
 *
 * <p>If it is emulated it has rehearsed its first command ({@link Rehearsal}), else its guest's memory has not been touched. It has no
 * network card, as the address of that could not be changed any more.
 */
final class SpareMachines implements AutoCloseable {
    /** Whoever has a clone now has the machine to himself for so long. */
    private static final Duration QUIET = Duration.ofMillis(150);

    /** For so long it waits. */
    private static final Duration IDLE = Duration.ofMinutes(1);

    /** For how long a VMM may take to read a template's state. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Path MEMORY = Path.of("/proc/meminfo");
    private static final String AVAILABLE = "MemAvailable:";

    private final HostKernel host;
    private final QemuVmm vmm;
    private final Places places;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private Optional<Thread> keeper = Optional.empty();
    private Optional<Spare> ready = Optional.empty();
    private Optional<MachineTemplates.Warm> last = Optional.empty();

    /** How many machines are on their way, and when one was last. */
    private int making;

    private long quietSince;
    private volatile boolean closed;

    /** The one that is being made: whoever closes this waits for nothing that it does. */
    private volatile Optional<QemuMachine> beginning = Optional.empty();

    /** Where the sockets of one wait by which others are to come: on the file system of the sandboxes, removed with this engine. */
    interface Places {
        Path make() throws IOException;
    }

    private record Spare(MachineTemplates.Warm warm, QemuMachine machine, MachineDoors doors) {
        void close() {
            machine.close();
            try {
                Directories.delete(doors.directory());
            } catch (IOException e) {
                log("what belonged to a spare machine is still there", e);
            }
        }
    }

    SpareMachines(HostKernel host, QemuVmm vmm, Places places) {
        this.host = host;
        this.vmm = vmm;
        this.places = places;
    }

    /** A machine is about to be made; {@link #end} follows. */
    void begin() {
        lock.lock();
        making++;
        lock.unlock();
    }

    /** It is up, or could not be made. */
    void end() {
        lock.lock();
        making--;
        quietSince = System.nanoTime();
        changed.signalAll();
        lock.unlock();
    }

    /**
     * Takes the one that waits, and has it go on as a clone.
     *
     * @param wanted the clone
     * @param doors where others are to come to it
     * @return empty if there is none that it could be
     */
    Optional<Machine> take(MachineTemplates.Warm warm, MachineSpec wanted, MachineDoors doors) throws IOException {
        Optional<Spare> taken = Optional.empty();
        lock.lock();
        try {
            if (ready.isPresent() && ready.get().warm().equals(warm) && fits(wanted)) {
                taken = ready;
                ready = Optional.empty();
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
        if (taken.isEmpty()) {
            return Optional.empty();
        }
        Spare spare = taken.get();
        try {
            spare.doors().moveTo(doors);
            Directories.delete(spare.doors().directory());
            spare.machine().furnish(host, wanted.disks());
            return Optional.of(spare.machine());
        } catch (IOException | RuntimeException e) {
            boolean ended = spare.machine().end().isPresent();
            spare.close();
            if (!ended) {
                throw e;
            }
            doors.remove(); // somebody has killed it while it waited: another one can be started
            return Optional.empty();
        }
    }

    /** Its places are those of layers, which nobody writes to, and its VMM was started without limits. */
    private static boolean fits(MachineSpec wanted) {
        List<Disk> disks = wanted.disks();
        for (int i = 0; i < disks.size(); i++) {
            if (!disks.get(i).readOnly() || !disks.get(i).serial().equals(Disk.layer(i))) {
                return false;
            }
        }
        return wanted.card().isEmpty() && wanted.files().isEmpty() && !wanted.isLimited();
    }

    /** A clone is up: the next one may be of the same template. */
    void used(MachineTemplates.Warm warm, MachineSpec clone) {
        lock.lock();
        try {
            boolean again = last.equals(Optional.of(warm));
            last = Optional.of(warm);
            if (again && fits(clone) && keeper.isEmpty() && !closed) {
                keeper = Optional.of(Thread.ofVirtual().name("cay-spare").start(() -> keep(warm, clone.empty())));
            }
        } finally {
            lock.unlock();
        }
    }

    /** Makes one, and waits until somebody has taken it, or nobody has for long. */
    private void keep(MachineTemplates.Warm warm, MachineSpec spec) {
        try {
            if (awaitQuiet() && hasRoom(spec.memory())) {
                Spare spare = make(warm, spec);
                if (!isTaken(spare)) {
                    spare.close();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // by nobody
        } catch (IOException | RuntimeException e) {
            if (!closed) {
                log("there is no spare machine", e);
            }
        } finally {
            lock.lock();
            keeper = Optional.empty();
            changed.signalAll();
            lock.unlock();
        }
    }

    /** Whether this engine goes on. */
    private boolean awaitQuiet() throws InterruptedException {
        lock.lock();
        try {
            while (!closed) {
                long left = quietSince + QUIET.toNanos() - System.nanoTime();
                if (making > 0) {
                    changed.await();
                } else if (left <= 0) {
                    return true;
                } else {
                    changed.await(left, TimeUnit.NANOSECONDS);
                }
            }
            return false;
        } finally {
            lock.unlock();
        }
    }

    /** Nobody gets into want of memory for what may never be used. */
    private static boolean hasRoom(Size memory) throws IOException {
        for (String line : Files.readAllLines(MEMORY)) {
            if (line.startsWith(AVAILABLE)) {
                String number =
                        line.substring(AVAILABLE.length()).replace("kB", "").strip();
                return Size.kib(Long.parseLong(number)).compareTo(memory) > 0;
            }
        }
        return false;
    }

    private Spare make(MachineTemplates.Warm warm, MachineSpec spec) throws IOException {
        MachineDoors doors = new MachineDoors(places.make(), 1);
        try {
            Origin.Spare origin = new Origin.Spare(warm.memory(), warm.state());
            QemuMachine machine = vmm.launch(spec.withDoors(doors.listen(host)), origin);
            Spare spare = new Spare(warm, machine, doors);
            beginning = Optional.of(machine);
            try {
                if (closed) {
                    throw new IOException("this engine ends");
                }
                machine.awaitReceived(System.nanoTime() + PATIENCE.toNanos());
                if (spec.acceleration() instanceof Acceleration.Emulated) {
                    long deadline = System.nanoTime() + PATIENCE.toNanos();
                    new Rehearsal(host, machine, deadline).hold(warm.template(), doors.directory());
                }
                return spare;
            } catch (IOException | RuntimeException e) {
                spare.close();
                throw e;
            } finally {
                beginning = Optional.empty();
            }
        } catch (IOException | RuntimeException e) {
            Directories.delete(doors.directory());
            throw e;
        }
    }

    /** Offers it. Whether somebody has taken it; else it is offered no more. */
    private boolean isTaken(Spare spare) throws InterruptedException {
        lock.lock();
        try {
            ready = Optional.of(spare);
            long left = IDLE.toNanos();
            while (ready.isPresent() && left > 0 && !closed) {
                left = changed.awaitNanos(left);
            }
            boolean taken = ready.isEmpty();
            ready = Optional.empty();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    private static void log(String what, Exception cause) {
        System.getLogger(SpareMachines.class.getName()).log(System.Logger.Level.WARNING, what, cause);
    }

    /** Ends the one that waits, or is being made; none is made any more. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            beginning.ifPresent(QemuMachine::kill);
            changed.signalAll();
            while (keeper.isPresent()) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }
}
