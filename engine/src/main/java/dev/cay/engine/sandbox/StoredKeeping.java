package dev.cay.engine.sandbox;

import dev.cay.ExecutionInfo;
import dev.cay.SandboxException;
import dev.cay.SandboxState;
import dev.cay.engine.microvm.Guest;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.engine.state.Executions;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.Snapshot;
import dev.cay.engine.state.SnapshotStore;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Keeps a microVM that outlives its makers, or that another process has made, whichever process of its owner this is. */
record StoredKeeping(StoredSandboxes sandboxes, MicroVms machines) {
    /** For how long its guest may take to answer. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** For how long a command may be on its way from being written down to being started. */
    private static final long STARTING_NANOSECONDS = 1_000_000_000L;

    private static final long LOOK_NANOSECONDS = 5_000_000;

    /**
     * Keeps it as it is at one moment. Nobody else pauses it meanwhile, keeps it, or starts anything in it.
     *
     * @return what is to be known of it; not named yet
     */
    Snapshot keep(String id, SnapshotStore.Draft draft) throws IOException {
        SandboxStore store = sandboxes.store();
        return store.locked(id, () -> {
            boolean dead = sandboxes.isDead(id);
            SandboxRecord record = store.read(id);
            if (dead || record.state() == SandboxState.REMOVING) {
                throw new SandboxException.Closed(
                        "the sandbox " + record.name() + " is " + record.state().text());
            }
            if (store.isPaused(id)) {
                throw new SandboxException.Conflict(
                        "the sandbox " + record.name() + " is paused",
                        "let it go on first: cay resume " + record.name());
            }
            MachineAccess access = sandboxes.machines().access(record);
            access.mend();
            try (Guest guest = access.enter(PATIENCE)) {
                awaitStarts(record, guest);
                boolean begun = !record.isAttached() && record.generation() > 0;
                Snapshot snapshot =
                        machines.keep(access, guest, draft, new Snapshot.Commands(record.lastExecution(), begun));
                if (!record.isAttached()) { // else their numbers and streams are nobody's in a copy
                    store.executions(id).enterInto(draft.executions());
                }
                return snapshot;
            }
        });
    }

    /** A command that somebody has begun to start would run in it when all others stand still. */
    private void awaitStarts(SandboxRecord record, Guest guest) throws IOException {
        Executions executions = sandboxes.store().executions(record.id());
        long deadline = System.nanoTime() + STARTING_NANOSECONDS;
        for (ExecutionInfo execution : executions.list(false)) {
            while (execution.exit().isEmpty() && isStarting(executions.record(execution.id()), guest, execution.id())) {
                if (System.nanoTime() - deadline >= 0) {
                    break; // whoever began it has died
                }
                LockSupport.parkNanos(LOOK_NANOSECONDS);
            }
        }
    }

    private static boolean isStarting(ExecutionRecord record, Guest guest, int number) throws IOException {
        record.bring(guest.record(number), ExecutionRecord.Change::make);
        return record.header().pid() == 0;
    }
}
