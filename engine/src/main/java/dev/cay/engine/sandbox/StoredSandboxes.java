package dev.cay.engine.sandbox;

import dev.cay.BootStep;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.SweepReport;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.state.Effect;
import dev.cay.engine.state.Event;
import dev.cay.engine.state.Executions;
import dev.cay.engine.state.ProcessIdentity;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.Sweep;
import dev.cay.engine.state.Undo;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Poller;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
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

    /** For how long a sandbox may take to end after its command. */
    private static final long PATIENCE_NANOSECONDS = 1_000_000_000L;

    private final Containers containers;
    private final SandboxStore store;
    private final Host host;

    /** Those that somebody in this process has taken up. */
    private final Set<StoredSandbox> open = ConcurrentHashMap.newKeySet();

    /** First processes that this process made and has to reap. */
    private final Map<String, Child> children = new ConcurrentHashMap<>();

    StoredSandboxes(Containers containers, SandboxStore store, Host host) {
        this.containers = containers;
        this.store = store;
        this.host = host;
    }

    SandboxStore store() {
        return store;
    }

    /** Makes one. */
    StoredSandbox create(SandboxSpec spec) {
        String id = Containers.newId();
        return guarded(() -> {
            store.create(SandboxRecord.creating(id, spec, Instant.now(), containers.engine()));
            try {
                Containers.Doors doors = new Containers.Doors(store.socket(id), store.messages(id));
                Container container = containers.createDetached(id, spec, doors, new StoredLedger(store, id));
                Child first = container.first();
                children.put(id, first);
                Poller.shared().watch(first.end(), () -> ended(id, first, spec.lifetime()));
                limit(container, spec.lifetime());
                happen(id, new Event.Made(identity(first)));
                return entered(new StoredSandbox(this, id, spec, Optional.of(container)));
            } catch (IOException | RuntimeException e) {
                try {
                    happen(id, new Event.SetupFailed());
                    happen(id, new Event.Undone());
                } catch (IOException | RuntimeException other) {
                    e.addSuppressed(other);
                }
                throw e;
            }
        });
    }

    /** Tells others of a sandbox that ends with this process, and lets them in. */
    void publish(Container container, SandboxSpec spec, Instant created) {
        guarded(() -> {
            SandboxRecord record = SandboxRecord.attached(
                    container.id(),
                    spec,
                    created,
                    identity(container.first()),
                    containers.engine(),
                    container.firstId());
            store.create(record, directory -> containers.admit(container, SandboxStore.socket(directory)));
            announce(record.id(), record.name(), SandboxEvent.Kind.CREATED);
            return record;
        });
    }

    /** Writes down that a microVM is being made, which ends with this process. */
    void begin(String id, SandboxSpec spec, Instant created) {
        guarded(() -> {
            store.create(SandboxRecord.creating(id, spec, created, containers.engine()));
            return id;
        });
    }

    /** Tells others of a microVM of this process. Its first process is that which it lives and ends with. */
    void made(String id, SandboxSpec spec, Instant created, long process, List<BootStep> steps) {
        guarded(() -> {
            ProcessIdentity identity =
                    ProcessIdentity.of(process).orElseThrow(() -> new IOException("the machine has ended"));
            SandboxRecord record = SandboxRecord.attached(id, spec, created, identity, containers.engine(), 0);
            store.writeBoot(id, steps);
            store.update(id, _ -> record);
            announce(id, record.name(), SandboxEvent.Kind.CREATED);
            return id;
        });
    }

    /** Forgets a microVM that could not be made. */
    void abandon(String id) {
        guarded(() -> {
            store.delete(id);
            return id;
        });
    }

    /** How a microVM came up. */
    List<BootStep> boot(String id) {
        return guarded(() -> store.boot(id));
    }

    /**
     * Removes what is written of a sandbox that ends with this process: for whoever looks at once, the files in the background.
     */
    void withdraw(String id, SandboxSpec spec) {
        boolean here = guarded(() -> store.withdraw(id, spec.name().isPresent()));
        if (here) { // else somebody has removed it, and told of that
            containers.inBackground(() -> forget(id, spec.name().orElse(id)));
        }
    }

    private void forget(String id, String name) {
        try {
            announce(id, name, SandboxEvent.Kind.REMOVED);
            store.clear(id);
        } catch (IOException | SandboxException e) {
            System.getLogger(StoredSandboxes.class.getName())
                    .log(System.Logger.Level.WARNING, "what was written of the sandbox " + id + " is still there", e);
        }
    }

    private void announce(String id, String name, SandboxEvent.Kind kind) throws IOException {
        store.events().append(new SandboxEvent(Instant.now(), id, name, kind, OptionalInt.empty(), ""));
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
    void awaitEnd(String id) {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        while (store.exists(id) && System.nanoTime() < deadline) {
            look(id);
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
    }

    private void reap(String id, Child first) {
        first.poll();
        if (children.remove(id, first)) {
            first.close();
        }
    }

    private static void limit(Container container, Lifetime lifetime) throws SyscallException {
        if (lifetime.limit().isPresent() || lifetime.idle().isPresent() || lifetime.removedAtEnd()) {
            container.endAfter(lifetime.limit(), lifetime.idle(), lifetime.removedAtEnd() ? Executions.OWN : 0);
        }
    }

    private static ProcessIdentity identity(Child first) throws IOException {
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
    Container connect(String id) {
        return guarded(() -> {
            SandboxRecord record = update(store.read(id));
            if (record.spec().isolation() == Isolation.MICROVM) {
                throw new SandboxException.Unsupported(
                        "only the process that made the microVM " + record.name() + " can reach what is in it",
                        "run the command there, or use a container");
            }
            if (record.state() == SandboxState.DEAD || record.state() == SandboxState.REMOVING) {
                throw new SandboxException.Closed(
                        "the sandbox " + record.name() + " is " + record.state().text());
            }
            Optional<Child> first = host.process(record.firstProcess().orElseThrow(() -> gone(record)));
            Optional<String> engine = record.isAttached() ? Optional.of(record.owner()) : Optional.empty();
            if (engine.isEmpty()) {
                host.networks().awaken(record.spec());
            }
            return containers.open(
                    id,
                    engine,
                    record.spec(),
                    record.firstId().orElse(0),
                    first.orElseThrow(() -> gone(record)),
                    store.socket(id));
        });
    }

    private static SandboxException gone(SandboxRecord record) {
        return new SandboxException.Closed("the first process of the sandbox " + record.name() + " is gone");
    }

    /** What is known of one now. */
    SandboxInfo info(String id) {
        return guarded(() -> told(update(store.read(id))));
    }

    List<SandboxInfo> list() {
        return guarded(() -> {
            List<SandboxInfo> list = new java.util.ArrayList<>();
            for (SandboxRecord record : store.list()) {
                try {
                    list.add(told(update(record)));
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
                && ownExit(record).isPresent()) { // looked at again when nobody else may change it
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
            remove(id);
        } else if (record.state() == SandboxState.RUNNING && !isAlive(record)) {
            happen(id, new Event.Died(Sweep.causeOfDeath(store, host, record)));
        }
        return store.read(id);
    }

    /** What its owner runs in a sandbox that ends with another process. */
    OwnersCommands ownersCommands(Container container) throws IOException {
        Set<Integer> others = new HashSet<>();
        for (ExecutionInfo execution : store.executions(container.id()).list(false)) {
            if (execution.exit().isEmpty()) {
                others.add(execution.pid());
            }
        }
        return new OwnersCommands(containers, container, others);
    }

    /** Tells of the end of the sandbox's own command if its record does. */
    private boolean endCommand(SandboxRecord record) throws IOException {
        Optional<Exit> exit = ownExit(record);
        if (exit.isPresent()) {
            happen(record.id(), new Event.CommandEnded(record.generation(), exit.get()));
        }
        return exit.isPresent();
    }

    /** How the sandbox's own command has ended that is written down as running. */
    private Optional<Exit> ownExit(SandboxRecord record) throws IOException {
        if (record.state() != SandboxState.RUNNING) {
            return Optional.empty();
        }
        try {
            return store.executions(record.id()).info(Executions.OWN, false).exit();
        } catch (SandboxException.NotFound e) { // whoever began to start it died before he could
            return Optional.of(Exit.spawnFailed(Errno.ESRCH.number(), "never started"));
        }
    }

    private boolean isAlive(SandboxRecord record) throws IOException {
        return record.firstProcess().isPresent()
                && host.isAlive(record.firstProcess().get());
    }

    /** Lets something happen to a sandbox, and does what follows but what concerns its commands: that is returned. */
    List<Effect> happen(String id, Event event) throws IOException {
        SandboxRecord record = store.read(id);
        List<Effect> left = new java.util.ArrayList<>();
        Effect.Means means = new Effect.Means() {
            @Override
            public void killEverything() throws IOException {
                kill(record);
            }

            @Override
            public void runUndo() throws IOException {
                store.journal(id).undoAll(host);
            }

            @Override
            public void deleteRecord() throws IOException {
                store.delete(id);
            }

            @Override
            public void publish(Effect.Publish publish) throws IOException {
                store.events().append(publish.event(Instant.now(), record));
            }

            @Override
            public void command(Effect effect) {
                left.add(effect);
            }
        };
        for (Effect effect : store.advance(id, event)) {
            effect.run(means);
        }
        return left;
    }

    private void kill(SandboxRecord record) throws IOException {
        if (record.firstProcess().isPresent()) {
            host.undo(record.id(), new Undo.KillProcess(record.firstProcess().get()));
        }
        Child own = children.get(record.id());
        if (own != null) {
            reap(record.id(), own);
        }
    }

    /** Removes one, dead or alive. */
    void remove(String id) {
        guarded(() -> {
            try {
                happen(id, new Event.RemoveRequested());
                happen(id, new Event.Undone());
            } catch (SandboxException.NotFound e) {
                // somebody was faster
            } catch (IOException e) {
                if (store.exists(id)) { // else somebody was faster in the middle of it
                    removeUnwritten(id, e);
                }
            }
            return id;
        });
    }

    /** Where there is no room to write down that it is removed, it is removed all the same: that makes room. */
    private void removeUnwritten(String id, IOException failure) throws IOException {
        try {
            kill(store.read(id));
            for (Undo undo : store.journal(id).pending().reversed()) {
                host.undo(id, undo);
            }
            store.delete(id);
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
            throw failure;
        }
    }

    SweepReport sweep() {
        return guarded(() -> {
            containers.sweep(store::exists);
            SweepReport report = Sweep.run(store, host, host, Instant.now());
            return StoredNetworks.isUsed() ? host.sweepNetworks(report) : report;
        });
    }

    interface Action<T> {
        T run() throws IOException;
    }

    static <T> T guarded(Action<T> action) {
        try {
            return action.run();
        } catch (IOException | UncheckedIOException e) {
            throw new SandboxException.HostFailed("the state of a sandbox: " + e.getMessage(), "", e);
        }
    }
}
