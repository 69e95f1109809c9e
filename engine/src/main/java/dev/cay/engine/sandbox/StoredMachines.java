package dev.cay.engine.sandbox;

import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.MachineInfo.Health;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxState;
import dev.cay.SweepReport;
import dev.cay.Usage;
import dev.cay.engine.container.Containers;
import dev.cay.engine.microvm.Guest;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.state.Executions;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;

/**
 * The guests of microVMs that outlive their makers, or that another process has made, as any process of their owner sees and enters
 * them. For all else such a microVM is a container, in which its VMM runs. Thread-safe.
 */
final class StoredMachines {
    /** For how long a guest may take to answer; one that takes longer is hung. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** For how long a guest may take to write all to its disks and switch itself off. */
    private static final Duration SHUTDOWN = Duration.ofSeconds(10);

    private final Containers containers;
    private final SandboxStore store;

    /** Those that this process is in. */
    private final Map<String, Guest> guests = new ConcurrentHashMap<>();

    StoredMachines(Containers containers, SandboxStore store) {
        this.containers = containers;
        this.store = store;
    }

    /** Whether a sandbox is such a microVM, and there is or was a guest. */
    static boolean has(SandboxRecord record) {
        return record.spec().isolation() == Isolation.MICROVM
                && (record.isAttached()
                        ? record.firstProcess().isPresent() && MicroVms.admits(record.spec())
                        : record.owner().equals(SandboxRecord.DETACHED));
    }

    private static boolean lives(SandboxRecord record) {
        return record.state() == SandboxState.CREATED
                || record.state() == SandboxState.RUNNING
                || record.state() == SandboxState.EXITED;
    }

    MachineAccess access(SandboxRecord record) {
        return new MachineAccess(containers.kernel(), store.directory(record.id()), record.id(), record.spec());
    }

    /** Enters a guest, to stay there until the grip is let go of. */
    Grip enter(SandboxRecord record) throws IOException {
        String id = record.id();
        requireGoing(record);
        awaitGoing(record);
        Guest guest = access(record).enter(PATIENCE);
        guests.put(id, guest);
        return new GuestGrip(store, id, guest, () -> guests.remove(id, guest));
    }

    private void requireGoing(SandboxRecord record) {
        if (store.isPaused(record.id())) {
            throw new SandboxException.Conflict(
                    "the sandbox " + record.name() + " is paused", "let it go on: cay resume " + record.name());
        }
    }

    /** Whoever keeps it lets it go on in a moment; in place of one who was killed meanwhile this process does. */
    private void awaitGoing(SandboxRecord record) throws IOException {
        MachineAccess access = access(record);
        if (access.isHalted()) {
            store.locked(record.id(), () -> mended(access));
        }
    }

    private static MachineAccess mended(MachineAccess access) throws IOException {
        access.mend();
        return access;
    }

    /** Whether somebody keeps it at this moment; if he has been killed, it goes on. */
    private boolean isBeingKept(SandboxRecord record, MachineAccess access) throws IOException {
        return access.isHalted()
                && store.tryLocked(record.id(), () -> mended(access)).isEmpty();
    }

    /** Lets all go on that were halted by somebody who is no more; what fails goes into the report. */
    SweepReport mend(SweepReport report) throws IOException {
        List<String> failures = new ArrayList<>(report.failures());
        for (String id : report.adopted()) {
            try {
                SandboxRecord record = store.read(id);
                if (has(record)) {
                    isBeingKept(record, access(record));
                }
            } catch (SandboxException.NotFound | SandboxException.Closed e) {
                // it has just ended
            } catch (IOException | SandboxException e) {
                failures.add("sandbox " + id + ": " + e.getMessage());
            }
        }
        return new SweepReport(report.adopted(), report.removed(), failures);
    }

    /** Finds out how a guest does, and what has become of the sandbox's own command. */
    Optional<MachineInfo> look(SandboxRecord record) throws IOException {
        MachineAccess access = access(record);
        if (!lives(record)) {
            return access.info(Health.GONE);
        }
        if (store.isPaused(record.id()) || isBeingKept(record, access)) {
            return access.info(Health.HEALTHY);
        }
        Optional<Guest> entered = Optional.ofNullable(guests.get(record.id()));
        Health health = access.look(entered, guest -> {
                    if (record.state() == SandboxState.RUNNING
                            && !record.isAttached()
                            && record.spec().command().isPresent()) {
                        new GuestGrip(store, record.id(), guest, () -> {}).refresh(Executions.OWN);
                    }
                })
                .orElse(Health.HEALTHY); // somebody is in it, and has nothing to complain of
        return access.info(health);
    }

    /** The same with what is known of its machine. */
    SandboxInfo told(SandboxInfo info, Optional<MachineInfo> machine) {
        return new SandboxInfo(
                info.id(),
                info.state(),
                info.spec(),
                info.created(),
                info.firstProcess(),
                info.exit(),
                info.paused(),
                machine);
    }

    /** What a machine has used. */
    Usage usage(SandboxRecord record) throws IOException {
        return record.isAttached()
                ? containers.usage(
                        record.owner(),
                        access(record).group().orElseThrow(() -> new IOException("it is not accounted")))
                : containers.usage(record.id());
    }

    /** Halts a machine, or lets it go on. */
    void freeze(SandboxRecord record, boolean frozen) throws IOException {
        awaitGoing(record);
        if (frozen) {
            access(record).pause();
        } else {
            access(record).resume();
        }
    }

    /** Lets a guest that has disks write all that it has to write, as far as it can be reached; then it is the host's again. */
    void shutDown(SandboxRecord record, BooleanSupplier ended) throws IOException {
        if (!lives(record)) {
            return;
        }
        MachineAccess access = access(record);
        try {
            if (!access.keepsChanges()) {
                return;
            }
            awaitGoing(record);
            if (store.isPaused(record.id())) {
                access.resume();
            }
            try (Guest guest = access.enter(SHUTDOWN)) {
                guest.shutDown(ended, SHUTDOWN);
            }
        } catch (IOException | SandboxException e) {
            System.getLogger(StoredMachines.class.getName())
                    .log(System.Logger.Level.WARNING, "the guest of " + record.id() + " could not be shut down", e);
        }
    }
}
