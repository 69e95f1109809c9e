package dev.cay.engine.sandbox;

import dev.cay.BootStep;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.MachineInfo;
import dev.cay.OnHang;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.SweepReport;
import dev.cay.Usage;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.Ledger;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.state.Effect;
import dev.cay.engine.state.Event;
import dev.cay.engine.state.Executions;
import dev.cay.engine.state.HostFailure;
import dev.cay.engine.state.ProcessIdentity;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.Sweep;
import dev.cay.engine.state.Undo;
import dev.cay.linux.Child;
import dev.cay.linux.Poller;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * The sandboxes of this machine that are written down in the {@link SandboxStore}: those that outlive whoever made them, and, by their
 * {@link Publication}, those that end with a process. Nobody has to run for the first to live, so whoever looks at one first finds out
 * what has happened to it meanwhile. Thread-safe.
 */
final class StoredSandboxes {
    private static final long LOOK_NANOSECONDS = 1_000_000;

    private final Containers containers;
    private final SandboxStore store;
    private final Host host;
    private final StoredMachines machines;
    private final AttachedSandboxes attached;

    /** Those that somebody in this process has taken up. */
    private final Set<StoredSandbox> open = ConcurrentHashMap.newKeySet();

    /** First processes that this process made and has to reap. */
    private final Map<String, Child> children = new ConcurrentHashMap<>();

    StoredSandboxes(Containers containers, SandboxStore store, Host host) {
        this.containers = containers;
        this.store = store;
        this.host = host;
        machines = new StoredMachines(containers, store);
        attached = new AttachedSandboxes(containers, store);
    }

    SandboxStore store() {
        return store;
    }

    /** Makes what a sandbox is for this machine. */
    interface Maker {
        Made make(String id, Containers.Doors doors, Ledger ledger) throws IOException;
    }

    /**
     * What has been made.
     *
     * @param grip of this process, if it has one
     * @param begun whether its own command has been started
     */
    record Made(Child first, Optional<Grip> grip, boolean begun) {}

    /** Makes a container. */
    StoredSandbox create(SandboxSpec spec) {
        return create(spec, (id, doors, ledger) -> {
            Container container = containers.createDetached(id, spec, doors, ledger);
            children.put(id, container.first());
            limit(container, spec.lifetime());
            return new Made(container.first(), Optional.of(new ContainerGrip(container)), false);
        });
    }

    /** Makes one. */
    StoredSandbox create(SandboxSpec spec, Maker maker) {
        String id = Containers.newId();
        return guarded(() -> {
            store.create(SandboxRecord.creating(id, spec, Instant.now(), containers.engine()));
            try {
                Containers.Doors doors = new Containers.Doors(store.socket(id), store.messages(id));
                Made made = maker.make(id, doors, new StoredLedger(store, id));
                Child first = made.first();
                children.put(id, first);
                Poller.shared().watch(first.end(), () -> ended(id, first, spec.lifetime()));
                happen(id, new Event.Made(identity(first)));
                if (made.begun()) {
                    happen(id, new Event.CommandStarted(started(happen(id, new Event.StartRequested()))));
                }
                return entered(new StoredSandbox(this, id, spec, made.grip()));
            } catch (IOException | RuntimeException e) {
                undo(id, e);
                throw e;
            }
        });
    }

    /** Which start of its own command it is that is to be made. */
    static int started(List<Effect> effects) {
        for (Effect effect : effects) {
            if (effect instanceof Effect.StartCommand start) {
                return start.generation();
            }
        }
        throw new IllegalStateException("no start has been asked for");
    }

    /** Undoes what has been made of one that cannot be made, or of which nobody could be told. */
    private void undo(String id, Exception failure) {
        try {
            happen(id, new Event.SetupFailed());
            happen(id, new Event.Undone());
        } catch (IOException | SandboxException e) {
            try {
                removeUnwritten(id, host);
            } catch (IOException | RuntimeException other) {
                failure.addSuppressed(e);
                failure.addSuppressed(other);
            }
        }
    }

    /** Those of this process. */
    AttachedSandboxes attached() {
        return attached;
    }

    /** How a microVM came up. */
    List<BootStep> boot(String id) {
        return guarded(() -> store.boot(id));
    }

    private StoredSandbox entered(StoredSandbox sandbox) {
        open.add(sandbox);
        return sandbox;
    }

    /** Somebody has let go of it. */
    void left(StoredSandbox sandbox) {
        open.remove(sandbox);
    }

    /** Lets go of all that were taken up. */
    void close() {
        List.copyOf(open).forEach(StoredSandbox::close);
    }

    /** If it is to be removed then, that is done at once: somebody is there. */
    private void ended(String id, Child first, Lifetime lifetime) {
        reap(id, first);
        if (lifetime.removedAtEnd()) {
            Thread.startVirtualThread(() -> look(id));
        }
    }

    /** Finds out what has become of a sandbox, which may be that it is removed. */
    private void look(String id) {
        try {
            info(id);
        } catch (SandboxException e) {
            // it is gone; what else there may be is told to whoever wants something of it
        }
    }

    /** Waits until a sandbox that ends now has ended, and removes it. */
    void awaitEnd(String id, long patience) {
        long deadline = System.nanoTime() + patience;
        while (store.exists(id) && System.nanoTime() < deadline) {
            look(id);
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
    }

    /** If it has ended; else whoever sees its end does it. */
    private synchronized void reap(String id, Child first) {
        if (children.get(id) == first && first.poll().isPresent()) {
            children.remove(id);
            first.close();
        }
    }

    private static void limit(Container container, Lifetime lifetime) throws SyscallException {
        if (lifetime.limit().isPresent() || lifetime.idle().isPresent() || lifetime.removedAtEnd()) {
            container.endAfter(lifetime.limit(), lifetime.idle(), lifetime.removedAtEnd() ? Executions.OWN : 0);
        }
    }

    static ProcessIdentity identity(Child first) throws IOException {
        return ProcessIdentity.of(first.pid()).orElseThrow(() -> new IOException("the first process has ended"));
    }

    /** Takes one up by its id, its name or the beginning of its id. */
    StoredSandbox open(String name) {
        return guarded(() -> {
            String id = store.resolve(name);
            SandboxRecord record = update(store.read(id));
            if (!record.isAttached() && !record.owner().equals(SandboxRecord.DETACHED)) {
                throw new SandboxException.Conflict(
                        "the sandbox " + record.name() + " is being made", "try again in a moment");
            }
            return entered(new StoredSandbox(this, id, record.spec(), Optional.empty()));
        });
    }

    /** Connects with a sandbox's first process. */
    Grip connect(String id) {
        return guarded(() -> {
            SandboxRecord record = update(store.read(id));
            if (record.spec().isolation() == Isolation.MICROVM && !MicroVms.admits(record.spec())) {
                throw new SandboxException.Unsupported(
                        "only the process that made the microVM " + record.name() + " can reach what is in it: "
                                + record.spec().vmm().text() + " lets nobody else in",
                        "run the command there, or use --vmm qemu");
            }
            if (record.state() == SandboxState.DEAD || record.state() == SandboxState.REMOVING) {
                throw new SandboxException.Closed(
                        "the sandbox " + record.name() + " is " + record.state().text());
            }
            if (record.spec().isolation() == Isolation.MICROVM) {
                return machines.enter(record);
            }
            Optional<Child> first = host.process(record.firstProcess().orElseThrow(() -> gone(record)));
            Optional<String> engine = record.isAttached() ? Optional.of(record.owner()) : Optional.empty();
            if (engine.isEmpty()) {
                SandboxNames.awaken(record.spec());
            }
            return new ContainerGrip(containers.open(
                    id,
                    engine,
                    record.spec(),
                    record.firstId().orElse(0),
                    first.orElseThrow(() -> gone(record)),
                    store.socket(id)));
        });
    }

    private static SandboxException gone(SandboxRecord record) {
        return new SandboxException.Closed("the first process of the sandbox " + record.name() + " is gone");
    }

    /** What is known of one now. */
    SandboxInfo info(String id) {
        return guarded(() -> seen(store.read(id)));
    }

    /** Whether one is dead, as far as can be seen from here. */
    boolean isDead(String id) {
        return guarded(() -> update(store.read(id)).state() == SandboxState.DEAD);
    }

    /** What a microVM has used. */
    Usage usage(String id) {
        return guarded(() -> {
            SandboxRecord record = update(store.read(id));
            if (record.state() == SandboxState.DEAD) {
                throw new SandboxException.Closed("the sandbox " + id + " is dead");
            }
            return machines.usage(record);
        });
    }

    StoredMachines machines() {
        return machines;
    }

    private SandboxInfo seen(SandboxRecord written) throws IOException {
        SandboxRecord record = update(written);
        if (!StoredMachines.has(record)) {
            return told(record);
        }
        Optional<MachineInfo> machine = machines.look(record);
        // Nobody watches such a guest: who sees that it hangs does what was asked for.
        if (machine.isPresent()
                && machine.get().health() == MachineInfo.Health.HUNG
                && record.spec().onHang() == OnHang.KILL) {
            kill(record, host);
        }
        return machines.told(told(update(store.read(record.id()))), machine);
    }

    List<SandboxInfo> list() {
        return guarded(() -> {
            List<SandboxInfo> list = new ArrayList<>();
            for (SandboxRecord record : store.list()) {
                try {
                    list.add(seen(record));
                } catch (SandboxException.NotFound e) {
                    // it has just been removed
                }
            }
            return list;
        });
    }

    private SandboxInfo told(SandboxRecord record) {
        SandboxInfo info = record.info();
        return info.firstProcess().isPresent() && store.isPaused(record.id()) ? info.paused(true) : info;
    }

    /** Finds out what has happened to a sandbox while nobody looked. */
    private SandboxRecord update(SandboxRecord record) throws IOException {
        if (record.isAttached()) {
            return updateAttached(record);
        }
        boolean lives = switch (record.state()) {
            case CREATED, RUNNING, EXITED -> true;
            case CREATING, DEAD, REMOVING -> false;
        };
        if (!lives || !record.owner().equals(SandboxRecord.DETACHED)) {
            return record;
        }
        String id = record.id();
        boolean changed = false;
        if (record.spec().command().isPresent()
                && record.state() == SandboxState.RUNNING
                && store.executions(record.id())
                        .ownExit()
                        .isPresent()) { // looked at again when nobody else may change it
            changed = store.locked(id, () -> endCommand(store.read(id)));
        }
        if (!isAlive(record)) {
            happen(id, new Event.Died(Sweep.causeOfDeath(store, host, record)));
            if (record.spec().lifetime().removedAtEnd()) {
                happen(id, new Event.Undone());
            }
            changed = true;
        }
        return changed ? store.read(id) : record;
    }

    /** Only its owner knows what has become of its commands. If that is dead, whoever looks removes what it left. */
    private SandboxRecord updateAttached(SandboxRecord record) throws IOException {
        String id = record.id();
        if (!containers.lives(record.owner())) {
            removeOwnerless(record);
        } else if (record.state() == SandboxState.RUNNING && !isAlive(record)) {
            happen(id, new Event.Died(Sweep.causeOfDeath(store, host, record)));
        }
        return store.read(id);
    }

    /** One that cannot be removed now is shown as one that is being removed, and left to the next engine or a sweep. */
    private void removeOwnerless(SandboxRecord record) throws IOException {
        if (record.state() != SandboxState.REMOVING) {
            try {
                remove(record.id(), host.atOnce());
            } catch (SandboxException.HostFailed e) {
                if (store.read(record.id()).state() != SandboxState.REMOVING) {
                    throw e;
                }
            }
        }
    }

    /** What its owner runs in a sandbox that ends with another process. */
    OwnersCommands ownersCommands(Grip grip) throws IOException {
        if (grip instanceof GuestGrip machine) {
            return new OwnersGuestCommands(machine.guest());
        }
        Container container = ((ContainerGrip) grip).container();
        Set<Integer> others = new HashSet<>();
        for (ExecutionInfo execution : store.executions(container.id()).list(false)) {
            if (execution.exit().isEmpty()) {
                others.add(execution.pid());
            }
        }
        return new OwnersContainerCommands(containers, container, others);
    }

    /** Tells of the end of the sandbox's own command if its record does. */
    private boolean endCommand(SandboxRecord record) throws IOException {
        Optional<Exit> exit = record.state() == SandboxState.RUNNING
                ? store.executions(record.id()).ownExit()
                : Optional.empty();
        if (exit.isPresent()) {
            happen(record.id(), new Event.CommandEnded(record.generation(), exit.get()));
        }
        return exit.isPresent();
    }

    private boolean isAlive(SandboxRecord record) throws IOException {
        return record.firstProcess().isPresent()
                && host.isAlive(record.firstProcess().get());
    }

    /** Lets something happen to a sandbox, and does what follows but what concerns its commands: that is returned. */
    List<Effect> happen(String id, Event event) throws IOException {
        return happen(id, event, host);
    }

    private List<Effect> happen(String id, Event event, Host by) throws IOException {
        SandboxRecord record = store.read(id);
        EffectMeans means = new EffectMeans(store, by, record, () -> kill(record, by), new ArrayList<>());
        for (Effect effect : store.advance(id, event)) {
            effect.run(means);
        }
        return means.left();
    }

    private void kill(SandboxRecord record, Host by) throws IOException {
        if (record.firstProcess().isPresent()) {
            by.undo(record.id(), new Undo.KillProcess(record.firstProcess().get()));
        }
        Child own = children.get(record.id());
        if (own != null) {
            reap(record.id(), own);
        }
    }

    /** Removes one, dead or alive. */
    void remove(String id) {
        remove(id, host);
    }

    private void remove(String id, Host by) {
        guarded(() -> {
            try {
                SandboxRecord record = store.read(id);
                if (StoredMachines.has(record) && isAlive(record)) {
                    machines.shutDown(record, () -> !guarded(() -> isAlive(record)));
                }
                happen(id, new Event.RemoveRequested(), by);
                happen(id, new Event.Undone(), by);
            } catch (SandboxException.NotFound e) {
                // somebody was faster
            } catch (IOException e) {
                if (store.exists(id)) { // else somebody was faster in the middle of it
                    removeUnwritten(id, by);
                }
            }
            return id;
        });
    }

    /** Where there is no room to write down that it is removed, it is removed all the same: that makes room. */
    private void removeUnwritten(String id, Host by) throws IOException {
        kill(store.read(id), by);
        for (Undo undo : store.journal(id).pending().reversed()) {
            by.undo(id, undo);
        }
        store.delete(id);
    }

    SweepReport sweep() {
        return guarded(() -> {
            List<String> failures = containers.sweep(store::exists);
            SweepReport report = machines.mend(Sweep.run(store, host, host.together(), Instant.now()));
            if (StoredNetworks.isUsed()) {
                report = host.sweepNetworks(report);
            }
            failures.addAll(report.failures());
            return new SweepReport(report.adopted(), report.removed(), failures);
        });
    }

    interface Action<T> {
        T run() throws IOException;
    }

    static <T> T guarded(Action<T> action) {
        try {
            return action.run();
        } catch (IOException e) {
            throw HostFailure.of("the state of a sandbox", "", e);
        } catch (UncheckedIOException e) {
            throw HostFailure.of("the state of a sandbox", "", e.getCause());
        }
    }
}
