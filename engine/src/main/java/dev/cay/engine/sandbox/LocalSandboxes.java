package dev.cay.engine.sandbox;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.EventStream;
import dev.cay.ImageInfo;
import dev.cay.Images;
import dev.cay.Isolation;
import dev.cay.Kernels;
import dev.cay.Networks;
import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxPool;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Snapshots;
import dev.cay.SweepReport;
import dev.cay.Templates;
import dev.cay.Volumes;
import dev.cay.Writable;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.image.LocalImages;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.network.UserNetworks;
import dev.cay.engine.state.AllEvents;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.SnapshotStore;
import dev.cay.engine.state.VolumeStore;
import dev.cay.linux.Processes;
import dev.cay.spi.ProcessEnd;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** The sandboxes that this process made, and those of this machine that others made or that belong to nobody. */
final class LocalSandboxes implements Sandboxes, ProcessEnd {
    private final Places places = StoredSandboxes.guarded(Places::ofThisUser);
    private final ImageSource imageSource = new StoredImages(this::imageStore);
    private final StoredNetworks networks = new StoredNetworks(new StoredNetworks.Engines() {
        @Override
        public String own() {
            return containers().engine();
        }

        @Override
        public boolean lives(String engine) throws IOException {
            return containers().lives(engine);
        }

        @Override
        public SandboxStore sandboxes() throws IOException {
            return store();
        }
    });
    private final Optional<UserNetworks> userNetworks =
            places.isRoot() ? Optional.empty() : Optional.of(userNetworks());
    private final Containers containers =
            new Containers(places, new StoredVolumes(this::volumeStore), imageSource, networkSource(), this::forget);
    private final Map<String, LocalSandbox> sandboxes = new ConcurrentHashMap<>();
    private final List<SandboxPool> pools = new ArrayList<>();
    private final Timeouts timeouts = new Timeouts();
    private final MachineSandboxes machines = new MachineSandboxes(
            places, containers, imageSource, networks, new VolumeDisks(this::volumeStore), this::stored, timeouts);
    private final Thread closeAtExit = Thread.ofPlatform().name("cay-exit").unstarted(this::closeAll);

    /** Read by whoever makes a sandbox, written by who closes: none is made that nobody would close. */
    private final ReentrantReadWriteLock closing = new ReentrantReadWriteLock();

    /** Made when first needed: most engines make nothing that outlives them. */
    private volatile StoredSandboxes stored;

    private volatile ServedSandboxes served;
    private volatile VolumeStore volumes;
    private volatile LocalImages images;
    private boolean closed;

    LocalSandboxes() {
        Runtime.getRuntime().addShutdownHook(closeAtExit);
    }

    @Override
    public Sandbox create(SandboxSpec spec) {
        Sandbox sandbox = createUntold(spec);
        if (sandbox instanceof LocalSandbox local) {
            local.publishLater();
        }
        return sandbox;
    }

    /** The same for a pool: what nobody has taken yet concerns nobody else. */
    Sandbox createUntold(SandboxSpec spec) {
        return whileOpen(() -> {
            if (spec.isolation() == Isolation.MICROVM) {
                MicroVms.check(spec);
                return machines.create(settled(spec));
            }
            if (spec.writable() instanceof Writable.Disk) {
                throw new SandboxException.Unsupported(
                        "a container has no disks",
                        "leave out --disk, write --tmpfs-size or --writable, or use a microVM");
            }
            if (!spec.furnishing().isNone()) {
                throw new SandboxException.Unsupported(
                        "a container trusts what its image trusts, and has no scripts of its own",
                        "leave out --trust and --script, put the files into the image, or use a microVM");
            }
            SandboxSpec settled = settled(spec);
            return settled.lifetime().detached() ? stored().create(settled) : attached(settled);
        });
    }

    private SandboxSpec settled(SandboxSpec spec) {
        return spec.root() instanceof Root.Image image
                ? ImageDefaults.apply(spec, image, imageSource.find(image.exact()))
                : spec;
    }

    private Sandbox attached(SandboxSpec spec) {
        if (spec.lifetime().limit().isPresent() || spec.lifetime().idle().isPresent()) {
            throw new SandboxException.Unsupported(
                    "a sandbox that ends with this process has no lifetime of its own",
                    "leave it out, or make it detached");
        }
        Container container = containers.create(spec);
        String id = container.id();
        Publication publication = new Publication(this::stored, container, spec);
        LocalSandbox sandbox = new LocalSandbox(container, spec, timeouts, publication, () -> sandboxes.remove(id));
        sandboxes.put(id, sandbox);
        if (spec.name().isEmpty()) {
            return sandbox;
        }
        try {
            publication.publish();
        } catch (RuntimeException e) {
            sandbox.close();
            throw e;
        }
        return sandbox;
    }

    private void forget(String engine) throws IOException {
        for (SandboxRecord record : store().list()) {
            if (record.isAttached()
                    && record.owner().equals(engine)
                    && record.spec().root() instanceof Root.Image) {
                imageSource.release(record.id()); // else its image could not be removed before the next 'image prune'
            }
        }
        store().removeOf(engine);
        SnapshotStore.removeOf(places.data().resolve(SnapshotStore.NAME), engine);
        ServedSandboxes.sweep(places.run(), engine);
    }

    private <T> T whileOpen(Supplier<T> action) {
        closing.readLock().lock();
        try {
            if (closed) {
                throw new SandboxException.Closed("the engine is closed");
            }
            return action.get();
        } finally {
            closing.readLock().unlock();
        }
    }

    private StoredSandboxes stored() {
        if (stored == null) {
            synchronized (this) {
                if (stored == null) {
                    stored = StoredSandboxes.guarded(() -> {
                        return new StoredSandboxes(
                                containers,
                                store(),
                                new Host(containers, volumeStore(), imageSource, networks, OptionalLong.empty()));
                    });
                }
            }
        }
        return stored;
    }

    private Containers containers() {
        return containers;
    }

    private VolumeStore volumeStore() {
        if (volumes == null) {
            synchronized (this) {
                if (volumes == null) {
                    volumes = StoredSandboxes.guarded(
                            () -> VolumeStore.open(places.data().resolve(VolumeStore.NAME), living(), places.isRoot()));
                }
            }
        }
        return volumes;
    }

    private LocalImages imageStore() {
        if (images == null) {
            synchronized (this) {
                if (images == null) {
                    images = StoredSandboxes.guarded(
                            () -> LocalImages.open(places.data().resolve(LocalImages.NAME), living()));
                }
            }
        }
        return images;
    }

    private SandboxStore store() throws IOException {
        return SandboxStore.open(places.run().resolve(SandboxStore.NAME));
    }

    /** Whether there is a sandbox of an id, whoever made it. */
    private Predicate<String> living() throws IOException {
        SandboxStore store = store();
        return id -> store.exists(id) || containers.exists(id);
    }

    /** Whoever looks from here finds those of this process at once. */
    private void publishAll() {
        for (LocalSandbox sandbox : sandboxes.values()) {
            sandbox.publish();
        }
    }

    private static boolean contains(List<SandboxInfo> list, String id) {
        for (SandboxInfo info : list) {
            if (info.id().equals(id)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public List<SandboxInfo> list() {
        return whileOpen(() -> {
            publishAll();
            List<SandboxInfo> list = new ArrayList<>(stored().list());
            for (LocalSandbox sandbox : sandboxes.values()) {
                if (!contains(list, sandbox.id())) { // it has died before anybody was told of it
                    addUnlessClosed(list, sandbox);
                }
            }
            list.sort((one, other) -> { // Comparator's own functions cost a cold JVM milliseconds
                int order = one.created().compareTo(other.created());
                return order != 0 ? order : one.id().compareTo(other.id());
            });
            return list;
        });
    }

    private static void addUnlessClosed(List<SandboxInfo> list, LocalSandbox sandbox) {
        try {
            list.add(sandbox.info());
        } catch (SandboxException.Closed e) {
            // it has just been, or what was killed in it does not end
        }
    }

    @Override
    public Sandbox open(String name) {
        return whileOpen(() -> {
            publishAll();
            return stored().open(name);
        });
    }

    @Override
    public SweepReport sweep() {
        return whileOpen(() -> {
            SweepReport report = stored().sweep();
            machines.sweep();
            return report;
        });
    }

    @Override
    public EventStream events() {
        return whileOpen(() -> StoredSandboxes.guarded(() -> AllEvents.follow(stored().store(), denials())));
    }

    @Override
    public Volumes volumes() {
        return whileOpen(this::volumeStore);
    }

    @Override
    public ImageInfo commit(Sandbox sandbox, Optional<String> name) {
        return whileOpen(() -> new Committing(sandbox, imageStore()).run(name));
    }

    @Override
    public AgentSocket serve(Sandbox sandbox, AgentSpec spec) {
        return whileOpen(() -> served().serve(sandbox, spec));
    }

    private void closeServed() {
        if (served != null) {
            served.close();
        }
    }

    private ServedSandboxes served() {
        synchronized (this) {
            if (served == null) {
                served = new ServedSandboxes(places.run(), containers.engine(), this::events, this::networkReturn);
            }
            return served;
        }
    }

    private NetworkReturn networkReturn() {
        if (userNetworks.isPresent()) {
            throw new SandboxException.Unsupported("the addresses of an ordinary user's sandbox are pasta's", "");
        }
        return new NetworkReturn(networks);
    }

    @Override
    public Images images() {
        return whileOpen(this::imageStore);
    }

    @Override
    public Kernels kernels() {
        return whileOpen(machines::kernels);
    }

    @Override
    public Templates templates() {
        return whileOpen(machines::templates);
    }

    @Override
    public Snapshots snapshots() {
        return whileOpen(() -> new MachineSnapshots(places.data().resolve(SnapshotStore.NAME), machines));
    }

    @Override
    public Networks networks() {
        return whileOpen(
                () -> userNetworks.isPresent() ? new UserSandboxNetworks(userNetworks.get(), this::store) : networks);
    }

    @Override
    public SandboxPool pool(SandboxSpec spec, int size) {
        return whileOpen(() -> {
            SandboxPool pool = new LocalPool(this, spec, size);
            synchronized (pools) {
                pools.add(pool);
            }
            return pool;
        });
    }

    @Override
    public void close() {
        closeAll();
        try {
            Runtime.getRuntime().removeShutdownHook(closeAtExit);
        } catch (IllegalStateException e) {
            // the process is ending already, and the hook finds nothing to do
        }
    }

    /** What policies deny. */
    private DenialLog denials() throws IOException {
        return userNetworks.isPresent() ? userNetworks.get().denied() : DenialLog.open();
    }

    private UserNetworks userNetworks() {
        return new UserNetworks(places.run().resolve("networks"), new UserNetworks.Owners() {
            @Override
            public String own() {
                return containers().engine();
            }

            @Override
            public boolean lives(String engine) throws IOException {
                return containers().lives(engine);
            }
        });
    }

    private NetworkSource networkSource() {
        return userNetworks.isPresent() ? userNetworks.get() : networks;
    }

    @Override
    public void endProcess(int code) {
        Processes.exitGroup(code);
    }

    private void closeAll() {
        closeServed(); // whoever is served may be about to ask this engine for something
        synchronized (pools) {
            pools.forEach(SandboxPool::close);
            pools.clear();
        }
        closing.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                try (networks;
                        containers;
                        timeouts;
                        machines) {
                    closeServed();
                    if (images != null) {
                        images.close();
                    }
                    if (stored != null) {
                        stored.close();
                    }
                    sandboxes.values().forEach(LocalSandbox::close);
                }
                userNetworks.ifPresent(UserNetworks::close);
            }
        } finally {
            closing.writeLock().unlock();
        }
    }
}
