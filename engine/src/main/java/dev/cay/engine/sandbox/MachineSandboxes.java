package dev.cay.engine.sandbox;

import dev.cay.BootStep;
import dev.cay.Mount;
import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Templates;
import dev.cay.Writable;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.Ledger;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.engine.microvm.LastingFiles;
import dev.cay.engine.microvm.LastingHome;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.engine.microvm.MachineDiagnosis;
import dev.cay.engine.microvm.MicroVm;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.microvm.Past;
import dev.cay.engine.state.Executions;
import dev.cay.engine.state.MachineOutput;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.ScratchDisks;
import dev.cay.engine.state.Snapshot;
import dev.cay.engine.state.SnapshotStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/** The microVMs that this process made. Thread-safe. */
final class MachineSandboxes implements AutoCloseable {
    private static final String TEMPLATES = "templates";

    /** How the name of the container ends that gives a microVM files of this machine. */
    private static final String FILES = "-files";

    private final Places places;
    private final Containers containers;
    private final ImageSource images;
    private final NetworkSource networks;
    private final VolumeDisks volumes;
    private final Supplier<StoredSandboxes> stored;
    private final Timeouts timeouts;
    private final Map<String, MachineSandbox> sandboxes = new ConcurrentHashMap<>();

    /** Made when first needed. */
    private volatile MicroVms machines;

    MachineSandboxes(
            Places places,
            Containers containers,
            ImageSource images,
            NetworkSource networks,
            VolumeDisks volumes,
            Supplier<StoredSandboxes> stored,
            Timeouts timeouts) {
        this.networks = networks;
        this.volumes = volumes;
        this.stored = stored;
        this.places = places;
        this.timeouts = timeouts;
        this.containers = containers;
        this.images = images;
    }

    KernelStore kernels() {
        return StoredSandboxes.guarded(() -> KernelStore.open(places.data().resolve(KernelStore.NAME)));
    }

    Templates templates() {
        return machines().templates();
    }

    /** @param spec of which {@link MicroVms#check} has nothing to say */
    Sandbox create(SandboxSpec spec) {
        return make(spec, this::boot);
    }

    /**
     * What a sandbox goes on with.
     *
     * @param disk that of the other one, if it had one
     * @param executions what is known of its commands
     */
    record Continuation(Past past, Optional<Path> disk, Executions executions) {}

    /** Makes one that goes on where another one was, whose spec this is but for its name and its life. */
    Sandbox restore(SandboxSpec spec, Continuation continuation) {
        if (!spec.lifetime().detached()) {
            return make(spec, access -> goOn(access, continuation));
        }
        Snapshot snapshot = continuation.past().snapshot();
        // A command whose streams were its maker's cannot be taken up by anybody.
        SandboxSpec wanted = snapshot.spec().lifetime().detached() ? spec : spec.withCommand(Optional.empty());
        requireRoot();
        return stored.get()
                .create(wanted, (id, doors, ledger) -> detach(id, wanted, doors, ledger, Optional.of(continuation)));
    }

    /** Whoever else wants to pause it waits: it would go on when it has been kept. */
    Snapshot keep(MachineSandbox sandbox, SnapshotStore.Draft draft) throws IOException {
        return turn(access(sandbox.id(), sandbox.info().spec()))
                .take(() -> machines().keep(sandbox.machine(), draft));
    }

    /** The same with one that outlives its makers, or is another process's. */
    Snapshot keep(StoredSandbox sandbox, SnapshotStore.Draft draft) throws IOException {
        return new StoredKeeping(stored.get(), machines()).keep(sandbox.id(), draft);
    }

    /** One of this process, by its id. */
    Optional<MachineSandbox> find(String id) {
        return Optional.ofNullable(sandboxes.get(id));
    }

    /** This process's engine. */
    String engine() {
        return containers.engine();
    }

    /** How a machine begins. */
    private interface Beginning {
        MicroVm begin(MachineAccess access);
    }

    private void requireRoot() {
        if (!places.isRoot()) {
            throw new SandboxException.Unsupported(
                    "only the host's root makes microVMs yet", "run as root, or use a container");
        }
    }

    private Sandbox make(SandboxSpec spec, Beginning beginning) {
        requireRoot();
        if (spec.lifetime().detached()) {
            return stored.get().create(spec, (id, doors, ledger) -> detach(id, spec, doors, ledger, Optional.empty()));
        }
        if (spec.lifetime().limit().isPresent() || spec.lifetime().idle().isPresent()) {
            throw new SandboxException.Unsupported(
                    "a sandbox that ends with this process has no lifetime of its own",
                    "leave it out, or make it detached");
        }
        String id = Containers.newId();
        Instant created = Instant.now();
        // From here on there is a sandbox of this id, for whoever asks whose its volumes are.
        stored.get().attached().begin(id, spec, created);
        try {
            MachineAccess access = access(id, spec);
            MicroVm machine = beginning.begin(access);
            try {
                stored.get().attached().made(id, spec, created, machine.pid(), machine.boot());
                Admission admission = new Admission(stored.get().store(), machines(), machine, access);
                MachineSandbox.Circumstances circumstances = new MachineSandbox.Circumstances(
                        timeouts, admission, turn(access), halted -> noted(id, spec, halted), () -> ended(id, spec));
                MachineSandbox sandbox = new MachineSandbox(machine, spec, created, circumstances);
                sandboxes.put(id, sandbox);
                admission.begin(timeouts);
                return sandbox;
            } catch (RuntimeException e) {
                machine.close();
                throw e;
            }
        } catch (RuntimeException e) {
            volumes.release(spec, id);
            stored.get().attached().abandon(id);
            throw e;
        }
    }

    private void ended(String id, SandboxSpec spec) {
        sandboxes.remove(id);
        try {
            volumes.release(spec, id);
        } finally {
            stored.get().attached().withdraw(id, spec);
        }
    }

    /** Whoever else keeps a microVM of this process has its lock; what one who was killed has left halted goes on. */
    private MachineSandbox.Turn turn(MachineAccess access) {
        SandboxStore store = stored.get().store();
        return new MachineSandbox.Turn() {
            @Override
            public <T> T take(StoredSandboxes.Action<T> action) throws IOException {
                if (!store.exists(access.id())) { // somebody has removed it, which the action will tell
                    return action.run();
                }
                return store.locked(access.id(), () -> {
                    access.mend();
                    return action.run();
                });
            }
        };
    }

    private MachineAccess access(String id, SandboxSpec spec) {
        return new MachineAccess(containers.kernel(), stored.get().store().directory(id), id, spec);
    }

    /** Tells others that this process has halted one, or lets it go on. */
    private void noted(String id, SandboxSpec spec, boolean halted) {
        SandboxStore store = stored.get().store();
        StoredSandboxes.guarded(() -> store.locked(id, () -> {
            store.setPaused(id, halted);
            return id;
        }));
        stored.get().attached().tell(id, spec, halted ? SandboxEvent.Kind.PAUSED : SandboxEvent.Kind.RESUMED);
    }

    private MicroVm boot(MachineAccess access) {
        String id = access.id();
        SandboxSpec spec = access.spec();
        Map<String, Path> disks = volumes.use(spec, id);
        Optional<Path> changes = changes(id, spec);
        return withImage(
                id, spec, changes, layers -> machines().create(access, layers, new MicroVms.DiskFiles(changes, disks)));
    }

    private MicroVm goOn(MachineAccess access, Continuation continuation) {
        String id = access.id();
        Optional<Path> changes = copied(id, continuation);
        MicroVm machine = withImage(
                id, access.spec(), changes, layers -> machines().restore(access, layers, changes, continuation.past()));
        StoredSandboxes.guarded(() -> {
            int last = continuation.past().snapshot().commands().last();
            stored.get().store().inherit(id, continuation.executions(), last);
            return id;
        });
        return machine;
    }

    private Optional<Path> copied(String id, Continuation continuation) {
        return continuation
                .disk()
                .map(original -> StoredSandboxes.guarded(() -> scratch().copy(containers.kernel(), id, original)));
    }

    private MicroVm withImage(
            String id, SandboxSpec spec, Optional<Path> changes, Function<List<Path>, MicroVm> beginning) {
        String image = ((Root.Image) spec.root()).exact();
        try {
            return beginning.apply(images.use(image, id).layers());
        } finally {
            released(id, changes);
        }
    }

    /** Makes one that outlives this process: for this machine it is the container in which its VMM runs. */
    private StoredSandboxes.Made detach(
            String id, SandboxSpec spec, Containers.Doors doors, Ledger ledger, Optional<Continuation> continuation)
            throws IOException {
        SandboxStore store = stored.get().store();
        for (Mount mount : spec.mounts()) {
            if (mount instanceof Mount.Named named) {
                ledger.volume(named.volume());
            }
        }
        Map<String, Path> disks = volumes.use(spec, id);
        Optional<Path> changes = continuation.isPresent() ? copied(id, continuation.get()) : changes(id, spec);
        String image = ((Root.Image) spec.root()).exact();
        MachineOutput said = store.machine(id);
        LastingHome home = new LastingHome(
                containers,
                new LastingHome.Place(id, id, doors, ledger, said.makeConsole()),
                spec.lifetime().limit());
        Optional<LastingFiles> files = files(id, spec, said, ledger);
        MicroVms.Lasting lasting = new MicroVms.Lasting(access(id, spec), home, files, ledger, said);
        try {
            ledger.image();
            List<Path> layers = images.use(image, id).layers();
            List<BootStep> steps = continuation.isPresent()
                    ? machines()
                            .detach(lasting, layers, changes, continuation.get().past())
                    : machines().detach(lasting, layers, new MicroVms.DiskFiles(changes, disks));
            store.writeBoot(id, steps);
            boolean begun = inherit(id, continuation);
            if (files.isPresent()) {
                files.get().leave();
            }
            return new StoredSandboxes.Made(home.leave(), Optional.empty(), begun);
        } catch (IOException | RuntimeException e) {
            home.abandon();
            files.ifPresent(LastingFiles::abandon);
            throw e;
        } finally {
            released(id, changes);
        }
    }

    /** Who gives it files of this machine, if it is to see some. */
    private Optional<LastingFiles> files(String id, SandboxSpec spec, MachineOutput said, Ledger ledger)
            throws IOException {
        if (spec.mounts().stream().noneMatch(Mount.Bind.class::isInstance)) {
            return Optional.empty();
        }
        Containers.Doors doors = new Containers.Doors(said.filesSocket(), said.filesMessages());
        return Optional.of(new LastingFiles(
                containers, new LastingHome.Place(id + FILES, id, doors, ledger.part(), said.makeFiles())));
    }

    /** The commands that go on in it can be taken up, as they could be where it was; whether its own is one of them. */
    private boolean inherit(String id, Optional<Continuation> continuation) throws IOException {
        if (continuation.isEmpty()) {
            return false;
        }
        Snapshot.Commands commands = continuation.get().past().snapshot().commands();
        stored.get().store().inherit(id, continuation.get().executions(), commands.last());
        return commands.begun();
    }

    /** When it is up the VMM has its disks open: they stay for as long as that lives. */
    private void released(String id, Optional<Path> changes) {
        images.release(id);
        if (changes.isPresent()) {
            StoredSandboxes.guarded(() -> {
                scratch().forget(id);
                return id;
            });
        }
    }

    private Optional<Path> changes(String id, SandboxSpec spec) {
        return spec.writable() instanceof Writable.Disk disk
                ? Optional.of(StoredSandboxes.guarded(() -> scratch().make(id, disk.size())))
                : Optional.empty();
    }

    private ScratchDisks scratch() throws IOException {
        return ScratchDisks.open(
                places.data().resolve(ScratchDisks.NAME), stored.get().store()::exists);
    }

    /** Removes the disks of microVMs that are no more. */
    void sweep() {
        if (Files.isDirectory(places.data().resolve(ScratchDisks.NAME))) {
            ScratchDisks _ = StoredSandboxes.guarded(this::scratch);
        }
    }

    private MicroVms machines() {
        if (machines == null) {
            synchronized (this) {
                if (machines == null) {
                    machines = StoredSandboxes.guarded(() -> new MicroVms(
                            containers,
                            networks,
                            kernels(),
                            places.run().resolve(MachineDiagnosis.ACCELERATION),
                            places.data().resolve(TEMPLATES),
                            stored.get().store()));
                }
            }
        }
        return machines;
    }

    @Override
    public void close() {
        sandboxes.values().forEach(MachineSandbox::close);
        if (machines != null) {
            machines.close();
        }
    }
}
