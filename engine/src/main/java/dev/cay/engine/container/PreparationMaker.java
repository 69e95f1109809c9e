package dev.cay.engine.container;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Writable;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Landlock;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.RootlessKernel;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;

/** Makes containers up to the point where something can run in them. Thread-safe. */
final class PreparationMaker implements Preparation.Maker {
    private static final int ID_DIGITS = 12;

    private final LocalKernel kernel;
    private final boolean rootless;
    private final Late<Group.Source> groups;
    private final IdSource ranges;
    private final Layers layers;
    private final Late<Nursery> nursery;
    private final VolumeSource volumes;
    private final ImageRoots images;
    private final NetworkSource networks;
    private final Executor background;
    private final Late<Inheritance> inheritance;

    /** @param background takes apart what nobody needs any more, which the kernel is slow at */
    PreparationMaker(
            LocalKernel kernel,
            Late<Group.Source> groups,
            IdSource ranges,
            Layers layers,
            Late<Nursery> nursery,
            VolumeSource volumes,
            ImageRoots images,
            NetworkSource networks,
            Executor background) {
        this.kernel = kernel;
        this.groups = groups;
        rootless = kernel instanceof RootlessKernel;
        this.ranges = ranges;
        this.layers = layers;
        this.nursery = nursery;
        this.volumes = volumes;
        this.images = images;
        this.networks = networks;
        this.background = background;
        inheritance = new Late<>(() -> Containers.made(() -> Inheritance.of(kernel)), _ -> {});
    }

    /** What first processes do with what they have from this process: ignored signals, and capabilities in two kinds of sandboxes. */
    private record Inheritance(List<Op> signals, List<Op> bounds, List<Op> boundsOfHost) {
        static Inheritance of(LocalKernel kernel) throws SyscallException {
            int lastCapability = Privileges.lastCapability(kernel);
            return new Inheritance(
                    Processes.defaultIgnoredSignals(kernel),
                    Privileges.bounds(lastCapability, true),
                    Privileges.bounds(lastCapability, false));
        }
    }

    @Override
    public Preparation make(SandboxSpec spec) throws IOException {
        return make(spec, Set.of());
    }

    /** The same with devices of this machine. */
    Preparation make(SandboxSpec spec, Set<HostDevice> devices) throws IOException {
        return make(spec, new Tenancy(newId(), groups.get(), ranges, Optional.empty(), Tenancy.UNWRITTEN, devices));
    }

    static String newId() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong(), ID_DIGITS);
    }

    /** Makes a container that belongs to somebody else than this engine. */
    Preparation make(SandboxSpec spec, Tenancy tenancy) throws IOException {
        Cleanup undo = new Cleanup();
        Cleanup scaffolding = new Cleanup();
        try {
            return make(spec, tenancy, undo, scaffolding);
        } catch (IOException | RuntimeException e) {
            undo.close();
            throw e;
        } finally {
            inBackground(scaffolding::close);
        }
    }

    /** Lets somebody else do what nobody waits for. */
    void inBackground(Runnable action) {
        try {
            background.execute(action);
        } catch (RejectedExecutionException e) {
            action.run(); // the engine is closing
        }
    }

    /**
     * Holds a sandbox's mounts beyond its end. To take them apart takes the kernel ten times as long as all else that goes then, and
     * whoever closes the sandbox would wait for it. Not where somebody may want at once what is mounted there.
     */
    private Optional<Fd> heldMounts(SandboxSpec spec, Tenancy tenancy, Child first) throws SyscallException {
        boolean wanted =
                spec.writable() instanceof Writable.Directory || !spec.mounts().isEmpty();
        if (wanted || rootless || tenancy.detachment().isPresent()) {
            return Optional.empty();
        }
        Op open = FileOps.open("/proc/" + first.pid() + "/ns/mnt", FileOps.O_RDONLY);
        return Optional.of(kernel.run(OpList.of(open)).fd(open));
    }

    private Preparation make(SandboxSpec spec, Tenancy tenancy, Cleanup undo, Cleanup scaffolding) throws IOException {
        String id = tenancy.id();
        String hostname = spec.hostname().orElse(id);
        // The lock of one that is detached is held by its first process.
        boolean detached = tenancy.detachment().isPresent();
        Cleanup keeper = detached ? scaffolding : undo;
        boolean ownNetwork = !(spec.network() instanceof Network.Host);
        if (spec.root() instanceof Root.Host && ownNetwork) {
            layers.getAhead(Layers.Layer.HOST, this::inBackground);
        }
        Optional<WritableDirectory> writable = spec.writable() instanceof Writable.Directory(var path)
                ? Optional.of(keeper.push(WritableDirectory.open(kernel, path)))
                : Optional.empty();
        List<Fd> image = spec.root() instanceof Root.Image root ? images.use(root.exact(), tenancy, undo) : List.of();
        tenancy.ledger().ids();
        IdRanges.Range range = undo.push(range(spec, tenancy.ids(), writable));
        tenancy.ledger().range(range.first());
        tenancy.ledger().group(id);
        Group group = undo.push(tenancy.groups().create(id, !spec.limits().io().isNone(), range.stubId()));
        Optional<OwnedNamespaces.Maps> maps = spec.userNamespace() ? Optional.of(range.maps()) : Optional.empty();
        OwnedNamespaces namespaces = scaffolding.push(kernel.namespaces(maps, ownNetwork));
        // An ordinary user's sandboxes have the ids of the user namespace that their file systems are made in.
        Optional<Fd> shifting = rootless ? Optional.empty() : namespaces.user();
        Optional<NetworkSource.Connection> network = spec.network() instanceof Network.Named named
                ? Optional.of(connect(named, tenancy, namespaces, undo))
                : Optional.empty();
        Optional<Fd> names = network.isPresent()
                ? Optional.of(scaffolding.push(HostSkeleton.names(kernel, NameFiles.of(network.get(), hostname))))
                : Optional.empty();
        Rootfs rootfs = scaffolding.push(Rootfs.create(
                kernel,
                new Rootfs.Plan(spec, layers, image, names, shifting, range, writable, rootless, tenancy.devices())));
        makeDirectories(spec, rootfs, range.first());
        Accounts accounts = Accounts.read(kernel, rootfs.root());
        for (Mount mount : spec.mounts()) {
            if (mount instanceof Mount.Named named) {
                tenancy.ledger().volume(named.volume());
            }
        }
        Mounts mounts = scaffolding.push(mounts(spec, id, range, shifting, rootfs, accounts, undo));
        rootfs.seal(kernel, spec);
        Optional<Fd> landlock = Landlock.ruleset(kernel, rootfs.root(), !ownNetwork);
        landlock.ifPresent(scaffolding::push);
        Line line = line(tenancy, scaffolding);
        Stub stub = undo.push(new Stub(line.ours()));
        CreationList.Inherited inherited = new CreationList.Inherited(
                inheritance.get().signals(),
                spec.userNamespace()
                        ? inheritance.get().bounds()
                        : inheritance.get().boundsOfHost(),
                landlock.map(Landlock::restrictSelf));
        Child first;
        try (Cgroup.Entrance entrance = group.enter()) {
            first = kernel.spawn(
                    CreationList.of(new CreationList.Parts(
                            hostname,
                            rootfs,
                            mounts,
                            layers.get(Layers.Layer.EMPTY),
                            namespaces,
                            entrance,
                            nursery.get(),
                            range.stubId(),
                            hasGroups(range),
                            ownNetwork || !rootless,
                            inherited,
                            new Nursery.Endowment(
                                    line.theirs(),
                                    detached
                                            ? writable.map(WritableDirectory::directory).stream()
                                                    .toList()
                                            : List.of(),
                                    tenancy.detachment(),
                                    detached ? memoryWatch(spec, group, scaffolding) : Optional.empty()))),
                    new Birth(Namespaces.PID | Namespaces.IPC | Namespaces.UTS, entrance.unified()));
        }
        group.born(first);
        Cleanup ended = new Cleanup();
        undo.push(() -> inBackground(ended::close));
        undo.push(() -> {
            group.kill();
            awaitEnd(first);
        });
        heldMounts(spec, tenancy, first).ifPresent(ended::push);
        tenancy.ledger().firstProcess(first.pid());
        return new Preparation(id, hostname, range, accounts, group, first, stub, network, undo);
    }

    /**
     * By which a first process is spoken with.
     *
     * @param theirs its first connection
     */
    private record Line(Fd ours, Fd theirs) {}

    private Line line(Tenancy tenancy, Cleanup scaffolding) throws SyscallException {
        Optional<Tenancy.Tie> tie = tenancy.detachment().flatMap(Tenancy.Detachment::tie);
        if (tie.isPresent()) { // it is not there yet, and takes this as soon as it is
            Fd ours = UnixSocket.connect(kernel, tie.get().socket().toString());
            return new Line(ours, tie.get().line());
        }
        List<Fd> pair = UnixSocket.pair();
        return new Line(pair.getFirst(), scaffolding.push(pair.getLast()));
    }

    /**
     * The kernel lets a first process end only after all the others have been reaped. One that waits for a file system which does not
     * answer is dead already, but ends only then.
     */
    private static void awaitEnd(Child first) {
        if (Poll.await(Container.LONGEST_DEATH.toNanos(), first.end()) == 0) {
            Thread.ofVirtual().name("cay-late-end").start(() -> reap(first));
            throw new SandboxException.HostFailed(
                    "a process of the sandbox has been killed and does not end",
                    "it most likely waits for a file system that does not answer, such as one of FUSE or NFS: see to that one",
                    null);
        }
        reap(first);
    }

    private static void reap(Child first) {
        first.await();
        first.close();
    }

    private NetworkSource.Connection connect(
            Network.Named network, Tenancy tenancy, OwnedNamespaces namespaces, Cleanup undo) throws IOException {
        tenancy.ledger().network(network.name());
        return undo.push(networks.connect(
                tenancy.id(),
                tenancy.detachment().isPresent(),
                network,
                new NetworkSource.Port.Cable(kernel, namespaces.network().orElseThrow())));
    }

    /** In a user namespace that has a single id nobody may choose groups. */
    static boolean hasGroups(IdRanges.Range range) {
        return range.count() > 1;
    }

    /** Where the kernel does not kill all of a group by itself the first process does, if nobody else is there. */
    private Optional<OomWatch> memoryWatch(SandboxSpec spec, Group group, Cleanup scaffolding) throws SyscallException {
        return spec.limits().memory().isPresent() && !group.diesAsAWhole()
                ? Optional.of(scaffolding.push(group.watchMemory(kernel)))
                : Optional.empty();
    }

    /** Makers of images name directories that are not in them, and whoever runs these makes them. */
    private void makeDirectories(SandboxSpec spec, Rootfs rootfs, int firstId) throws IOException {
        for (String path : directories(spec)) {
            try {
                new MountTargets(kernel, rootfs, firstId)
                        .resolve(path, true)
                        .file()
                        .close();
            } catch (SandboxException.InvalidSpec e) {
                // it is elsewhere, or cannot be made: whoever starts a command there is told
            }
        }
    }

    /** Directories that are made where they are missing. */
    static List<String> directories(SandboxSpec spec) {
        return spec.root() instanceof Root.Image
                ? spec.workingDirectory().stream().toList()
                : List.of();
    }

    private Mounts mounts(
            SandboxSpec spec,
            String id,
            IdRanges.Range range,
            Optional<Fd> shifting,
            Rootfs rootfs,
            Accounts accounts,
            Cleanup undo)
            throws IOException {
        if (spec.mounts().isEmpty()) {
            return new Mounts(List.of());
        }
        Accounts.Identity identity = accounts.require(spec.user().orElse(SandboxSpec.DEFAULT_USER));
        Mounts.Plan plan = new Mounts.Plan(id, spec.mounts(), rootfs, range.first(), shifting, identity);
        return Mounts.create(kernel, volumes, plan, undo);
    }

    private static IdRanges.Range range(SandboxSpec spec, IdSource ranges, Optional<WritableDirectory> writable)
            throws IOException {
        OptionalLong owner = writable.isPresent() ? writable.get().owner() : OptionalLong.empty();
        if (spec.userNamespace()) {
            return owner.isPresent() ? ranges.take(owner.getAsLong()) : ranges.take();
        }
        if (owner.orElse(0) != 0) {
            throw new IOException("the changes in " + writable.get().path() + " were made in a user namespace");
        }
        return IdRanges.hostIds();
    }
}
