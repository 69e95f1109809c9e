package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.SandboxState;
import dev.cay.SweepReport;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Cleans up after processes that died: what lives is left alone, what is left over is removed. A sandbox that somebody works on at
 * this moment is left to them. May run in several processes at once.
 */
public final class Sweep {
    /** What is half made is younger: to enter a sandbox takes a millisecond. */
    private static final Duration HALF_MADE = Duration.ofMinutes(1);

    /** Who is alive. */
    public interface Liveness {
        /** Whether this very process lives; one of an earlier boot does not. */
        boolean isAlive(ProcessIdentity process) throws IOException;

        /** Whether the engine of this id lives. */
        boolean isEngineAlive(String engine) throws IOException;

        /** The boot of now. */
        String currentBoot() throws IOException;

        /** Whether the kernel has killed anything in a control group for want of memory. */
        boolean ranOutOfMemory(String group);
    }

    /** What is written of a sandbox. */
    public sealed interface Writing {
        record Readable(SandboxRecord record) implements Writing {
            public Readable {
                requireNonNull(record, "record is null");
            }
        }

        /** There is no record, or it makes no sense: nobody can use the sandbox again. */
        record Damaged() implements Writing {}

        /** Another version of Cay has written it. */
        record Foreign() implements Writing {}
    }

    /**
     * What a decision is made from.
     *
     * @param pending whether its journal holds what is still to be undone
     * @param processAlive whether its first process lives
     * @param ownerAlive whether the engine that it belongs to lives; false if it belongs to none
     * @param rebooted whether its first process was one of an earlier boot
     * @param cause why its first process is gone, if it is
     */
    public record Evidence(
            Writing writing, boolean pending, boolean processAlive, boolean ownerAlive, boolean rebooted, Death cause) {
        public Evidence {
            requireNonNull(writing, "writing is null");
            requireNonNull(cause, "cause is null");
        }
    }

    /** What is to become of a sandbox. */
    public sealed interface Decision {
        /** It lives on its own. */
        record Adopt() implements Decision {}

        /** It is dead; what it holds of this machine is given back, its record and its output are kept. */
        record Bury(Death death) implements Decision {}

        /** It is removed. */
        record Remove() implements Decision {}

        /** It is somebody's, or as it should be. */
        record LeaveAlone() implements Decision {}
    }

    private final SandboxStore store;
    private final Liveness liveness;
    private final Undoer undoer;
    private final List<String> adopted = new ArrayList<>();
    private final List<String> removed = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();

    private Sweep(SandboxStore store, Liveness liveness, Undoer undoer) {
        this.store = store;
        this.liveness = liveness;
        this.undoer = undoer;
    }

    /** What is to be done, as a pure function. */
    public static Decision decide(Evidence evidence) {
        return switch (evidence.writing()) {
            case Writing.Foreign _ -> new Decision.LeaveAlone();
            case Writing.Damaged _ -> new Decision.Remove();
            case Writing.Readable readable -> decide(readable.record(), evidence);
        };
    }

    private static Decision decide(SandboxRecord record, Evidence evidence) {
        if (!record.owner().equals(SandboxRecord.DETACHED)) {
            return evidence.ownerAlive() ? new Decision.LeaveAlone() : new Decision.Remove();
        }
        return switch (record.state()) {
            case CREATING, REMOVING -> new Decision.Remove(); // nobody is at it: its lock was free
            case DEAD -> evidence.pending() ? new Decision.Bury(evidence.cause()) : new Decision.LeaveAlone();
            case CREATED, RUNNING, EXITED -> {
                if (evidence.rebooted()) {
                    yield new Decision.Bury(Death.HOST_REBOOTED);
                }
                yield evidence.processAlive() ? new Decision.Adopt() : new Decision.Bury(evidence.cause());
            }
        };
    }

    /** Sweeps all sandboxes of a store. What fails is in the report, and tried again by the next sweep. */
    public static SweepReport run(SandboxStore store, Liveness liveness, Undoer undoer, Instant now)
            throws IOException {
        Sweep sweep = new Sweep(store, liveness, undoer);
        for (String id : store.ids().stream().sorted().toList()) {
            try {
                store.tryLocked(id, () -> sweep.sweep(id, now));
            } catch (SandboxException.NotFound e) {
                // it has just been removed
            } catch (IOException | RuntimeException e) {
                sweep.failures.add("sandbox " + id + ": " + e.getMessage());
            }
        }
        store.sweepLeftovers(now.minus(HALF_MADE));
        return new SweepReport(sweep.adopted, sweep.removed, sweep.failures);
    }

    private Decision sweep(String id, Instant now) throws IOException {
        Evidence evidence = evidence(id);
        Decision decision = decide(evidence);
        switch (decision) {
            case Decision.Adopt _ -> adopted.add(id);
            case Decision.LeaveAlone _ -> {}
            case Decision.Bury bury -> bury(id, bury.death(), now);
            case Decision.Remove _ -> {
                switch (evidence.writing()) {
                    case Writing.Readable _ -> {
                        advance(id, new Event.RemoveRequested(), now);
                        advance(id, new Event.Undone(), now);
                    }
                    case Writing.Damaged _ -> {
                        store.journal(id).undoAll(undoer);
                        store.delete(id);
                    }
                    case Writing.Foreign _ -> throw new IllegalStateException("it is not ours to remove");
                }
                removed.add(id);
            }
        }
        return decision;
    }

    private void bury(String id, Death death, Instant now) throws IOException {
        SandboxRecord record = store.read(id);
        Optional<Exit> exit =
                record.state() == SandboxState.RUNNING ? store.executions(id).end() : Optional.empty();
        if (exit.isPresent()) {
            advance(id, new Event.CommandEnded(record.generation(), exit.get()), now);
        }
        advance(id, new Event.Died(death), now);
        if (store.read(id).state() == SandboxState.REMOVING) {
            advance(id, new Event.Undone(), now);
            removed.add(id);
        }
    }

    /** Why the first process of a sandbox is gone. It counts its time by a clock that nobody sets, and says so when it is over. */
    public static Death causeOfDeath(SandboxStore store, Liveness liveness, SandboxRecord record) throws IOException {
        Optional<Death> said = store.lastWords(record);
        if (said.isPresent()) {
            return said.get();
        }
        boolean memory = record.cgroup().isPresent()
                && liveness.ranOutOfMemory(record.cgroup().get());
        return memory ? Death.OUT_OF_MEMORY : Death.KILLED;
    }

    private Evidence evidence(String id) throws IOException {
        SandboxRecord record;
        try {
            record = store.read(id);
        } catch (SandboxException.Unsupported e) {
            return new Evidence(new Writing.Foreign(), false, false, false, false, Death.KILLED);
        } catch (SandboxException.HostFailed e) {
            return new Evidence(new Writing.Damaged(), true, false, false, false, Death.KILLED);
        }
        Optional<ProcessIdentity> process = record.firstProcess();
        boolean owned = !record.owner().equals(SandboxRecord.DETACHED);
        String boot = liveness.currentBoot();
        boolean alive = process.isPresent() && liveness.isAlive(process.get());
        return new Evidence(
                new Writing.Readable(record),
                record.state() == SandboxState.DEAD
                        && !store.journal(id).pending().isEmpty(),
                alive,
                owned && liveness.isEngineAlive(record.owner()),
                process.map(first -> !first.bootId().equals(boot)).orElse(false),
                alive ? Death.KILLED : causeOfDeath(store, liveness, record));
    }

    private void advance(String id, Event event, Instant now) throws IOException {
        SandboxRecord record = store.read(id);
        Effect.Means means = new Effect.Means() {
            @Override
            public void killEverything() throws IOException {
                if (record.firstProcess().isPresent()) {
                    undoer.undo(id, new Undo.KillProcess(record.firstProcess().get()));
                }
            }

            @Override
            public void runUndo() throws IOException {
                store.journal(id).undoAll(undoer);
            }

            @Override
            public void deleteRecord() throws IOException {
                store.delete(id);
            }

            @Override
            public void publish(Effect.Publish publish) throws IOException {
                store.events().append(publish.event(now, record));
            }

            @Override
            public void command(Effect effect) {
                throw new IllegalStateException("nothing that a sweep does calls for " + effect);
            }
        };
        for (Effect effect : store.advance(id, event)) {
            effect.run(means);
        }
    }
}
