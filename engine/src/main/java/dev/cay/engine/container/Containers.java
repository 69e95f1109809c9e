package dev.cay.engine.container;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Usage;
import dev.cay.engine.seccomp.Seccomp;
import dev.cay.engine.state.HostFailure;
import dev.cay.linux.Architecture;
import dev.cay.linux.Arg;
import dev.cay.linux.Child;
import dev.cay.linux.Credentials;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Kernel;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.Function;
import java.util.function.Predicate;

/** Makes containers. Thread-safe. Closing it removes what the engine itself has left on the host. */
public final class Containers implements AutoCloseable {
    private final Cleanup cleanup = new Cleanup();
    private final Places places;
    private final NetworkSource networks;
    private final LocalKernel kernel;
    private final PreparationMaker maker;
    private final PreparationPool preparations;
    private final Late<Nursery> nursery;
    private final Late<Group.Source> detachedGroups;
    private final Optional<Hierarchies> hierarchies;
    private final Function<String, IdSource> detachedIds;

    /** That of all sandboxes, if they have the same. */
    private final Optional<IdRanges.Range> range;

    private final StateDirectory state;
    private final StateDirectory.Undo undo;

    /**
     * @param volumes asked when a sandbox names a volume
     * @param images asked when a sandbox is made of an image
     * @param networks asked when a sandbox is to be on a network of this machine
     * @param records gets to know of engines that have died
     * @throws SandboxException.Unsupported if this machine cannot run containers
     */
    public Containers(
            Places places, VolumeSource volumes, ImageSource images, NetworkSource networks, Records records) {
        this.places = places;
        this.networks = networks;
        try {
            Machine.require();
            HostKernel host = cleanup.push(new HostKernel());
            hierarchies = places.isRoot() ? Optional.of(Machine.hierarchies()) : Hierarchies.delegated(places.user());
            undo = (engine, deadline) -> {
                if (hierarchies.isPresent()) {
                    CgroupParent.sweep(hierarchies.get(), engine, deadline);
                }
                records.remove(engine);
            };
            ImageMounts.Mounter mounter;
            if (places.isRoot()) {
                kernel = host;
                range = Optional.empty();
                mounter = new ErofsMounter(kernel);
            } else {
                UserRoot root = cleanup.push(UserRoot.create(host, places));
                kernel = root.kernel();
                range = Optional.of(IdRanges.Range.within(root.ids()));
                mounter = cleanup.push(
                        new UnpackedLayers(root.kernel(), places.data().resolve("layers"), root.ids()));
            }
            state = cleanup.push(enter());
            Late<Group.Source> groups =
                    cleanup.push(new Late<>(() -> made(() -> groups(state.engine())), Group.Source::close));
            detachedGroups =
                    cleanup.push(new Late<>(() -> made(() -> groups(CgroupParent.DETACHED)), Group.Source::close));
            IdRanges ranges = new IdRanges(state);
            IdSource ids = range.map(IdSource::always).orElse(ranges);
            detachedIds = sandbox -> range.map(IdSource::always).orElseGet(() -> ranges.detached(sandbox));
            Optional<SkeletonCache> skeletons = places.isRoot()
                    ? Optional.of(new SkeletonCache(kernel, places.run().resolve("skeletons")))
                    : Optional.empty();
            Layers layers = cleanup.push(new Layers(kernel, skeletons));
            nursery = cleanup.push(new Late<>(
                    () -> made(() -> Nursery.create(kernel, places.run().resolve(StateDirectory.MOUNT))),
                    Nursery::close));
            ScheduledThreadPoolExecutor background = cleanup.push(new ScheduledThreadPoolExecutor(
                    1, Thread.ofPlatform().name("cay-background").daemon().factory()));
            ImageRoots roots = new ImageRoots(images, cleanup.push(new ImageMounts(mounter)));
            maker = new PreparationMaker(kernel, groups, ids, layers, nursery, volumes, roots, networks, background);
            preparations = cleanup.push(new PreparationPool(maker, images, networks, background));
        } catch (IOException e) {
            cleanup.close();
            throw unable(e);
        } catch (RuntimeException e) {
            cleanup.close();
            throw e;
        }
    }

    private static SandboxException unable(IOException e) {
        return new SandboxException.Unsupported(
                "this process cannot make containers: " + HostFailure.text(e),
                "run it outside of other containers, with all capabilities");
    }

    interface Maker<T> {
        T make() throws IOException;
    }

    static <T> T made(Maker<T> maker) {
        try {
            return maker.make();
        } catch (IOException e) {
            throw unable(e);
        }
    }

    /** What is written elsewhere of the sandboxes of engines. */
    public interface Records {
        /** Removes it, since the engine is dead. */
        void remove(String engine) throws IOException;
    }

    private Group.Source groups(String engine) throws IOException {
        return hierarchies.isPresent() ? CgroupParent.create(kernel, hierarchies.get(), engine) : NoCgroup.source();
    }

    private StateDirectory enter() throws IOException {
        places.makeRun();
        StateDirectory entered = StateDirectory.open(places.run());
        entered.sweep(undo, false);
        return entered;
    }

    /**
     * Makes a container.
     *
     * @throws SandboxException.InvalidSpec if what the specification names does not exist
     * @throws SandboxException.SetupFailed if a step failed; what had been made is gone again
     */
    public Container create(SandboxSpec spec) {
        return create(spec, () -> preparations.take(spec));
    }

    /**
     * The same with devices of this machine.
     *
     * @throws SandboxException.Unsupported if this user can hand out none
     */
    public Container create(SandboxSpec spec, Set<HostDevice> devices) {
        if (devices.isEmpty()) {
            return create(spec);
        }
        if (!places.isRoot()) {
            throw new SandboxException.Unsupported("only the host's root hands out devices", "run as root");
        }
        return create(spec, () -> maker.make(spec, devices));
    }

    /** Makes system calls on this machine. */
    public Kernel kernel() {
        return kernel.host();
    }

    /** The engine's name, by which others see whether it lives. */
    public String engine() {
        return state.engine();
    }

    /** Whether there is a container of this name, whoever made it. */
    public boolean exists(String id) {
        return detachedGroups.get().exists(id);
    }

    /** Whether an engine of this machine lives. */
    public boolean lives(String engine) throws IOException {
        return state.lives(engine);
    }

    /** A new id for a container. */
    public static String newId() {
        return PreparationMaker.newId();
    }

    /**
     * Makes a container that outlives this engine.
     *
     * @param id its name, from {@link #newId}
     * @param doors in a directory that only its owner may enter
     * @param ledger gets to know, before it is done, what has to be undone one day
     */
    public Container createDetached(String id, SandboxSpec spec, Doors doors, Ledger ledger) {
        return createDetached(spec, new Part(id, id, doors, ledger, Set.of(), Optional.empty()));
    }

    /**
     * What a container is that is a sandbox's for this machine, or a part of it.
     *
     * @param name its own, for its control groups
     * @param sandbox by whose id what it takes is found again
     * @param doors in a directory that only its owner may enter
     * @param ledger gets to know, before it is done, what has to be undone one day
     * @param devices of this machine, which only the host's root hands out
     * @param tie one end of a pair of unix sockets, if it is to end when nobody has the other end any more. Two containers that have one end
     *     each end together, with nobody to look after them
     */
    public record Part(
            String name, String sandbox, Doors doors, Ledger ledger, Set<HostDevice> devices, Optional<Fd> tie) {}

    /** Makes one that outlives this engine. */
    public Container createDetached(SandboxSpec spec, Part part) {
        return create(spec, () -> {
            Doors doors = part.doors();
            Op open = FileOps.openAt(Arg.of(0), doors.messages().toString(), FileOps.O_WRONLY | FileOps.O_CREAT, 0600);
            try (Fd listener = UnixSocket.listen(kernel, doors.socket().toString());
                    Fd messages = kernel.run(OpList.of(open)).fd(open)) {
                Optional<Tenancy.Tie> tie = part.tie().map(line -> new Tenancy.Tie(line, doors.socket()));
                Tenancy.Detachment detachment = new Tenancy.Detachment(listener, messages, tie);
                return maker.make(
                        spec,
                        new Tenancy(
                                part.name(),
                                detachedGroups.get(),
                                detachedIds.apply(part.sandbox()),
                                Optional.of(detachment),
                                part.ledger(),
                                part.devices()));
            }
        });
    }

    /**
     * How others reach the first process of a container that outlives its engine.
     *
     * @param socket where it accepts connections
     * @param messages a file, to which it writes why it ends
     */
    public record Doors(Path socket, Path messages) {}

    /**
     * Lets other processes into a container of this engine, if it has an init.
     *
     * @param socket where its first process takes their connections, in a directory that only its owner may enter
     */
    public void admit(Container container, Path socket) throws SyscallException {
        if (container.spec().init()) {
            try (Fd listener = UnixSocket.listen(kernel, socket.toString())) {
                container.admit(listener);
            }
        }
    }

    /** Lets somebody else do what nobody waits for; it is done when the engine has been closed. */
    public void inBackground(Runnable action) {
        maker.inBackground(action);
    }

    /** What a container that outlives its engine has used so far. */
    public Usage usage(String id) {
        return detachedGroups.get().open(id, false, 0).usage();
    }

    /** What a container of another engine, which ends with that, has used so far. */
    public Usage usage(String engine, String id) throws IOException {
        if (hierarchies.isEmpty()) {
            throw new IllegalStateException("there are no control groups here");
        }
        CgroupParent borrowed = CgroupParent.borrow(kernel, hierarchies.get(), engine);
        try {
            return borrowed.open(id, false, 0).usage();
        } finally {
            borrowed.letGo();
        }
    }

    /** Whether the kernel has killed anything, for want of memory, in a container that outlives its engine. */
    public boolean ranOutOfMemory(String id) {
        return detachedGroups.get().open(id, false, 0).oomKills() > 0;
    }

    /**
     * Takes up a container that another process has made.
     *
     * @param engine the engine that it ends with; empty if it outlives them all
     * @param first its first process; the container's from now on
     * @throws SandboxException.Closed if it does not answer
     */
    public Container open(
            String id, Optional<String> engine, SandboxSpec spec, long firstId, Child first, Path socket) {
        Cleanup local = new Cleanup();
        local.push(first);
        try {
            IdRanges.Range own = range.orElseGet(() -> IdRanges.Range.of((int) firstId, () -> {}));
            Stub stub = local.push(spec.init() ? new Stub(UnixSocket.connect(kernel, socket.toString())) : nobody());
            Group.Source groups = detachedGroups.get();
            if (engine.isPresent() && hierarchies.isPresent()) {
                CgroupParent borrowed = CgroupParent.borrow(kernel, hierarchies.get(), engine.get());
                local.push(borrowed::letGo);
                groups = borrowed;
            }
            Group group = groups.open(id, !spec.limits().io().isNone(), own.stubId());
            group.born(first);
            Accounts accounts;
            try (Fd root = Accounts.root(kernel.host(), first)) {
                accounts = Accounts.read(kernel.host(), root);
            }
            Preparation preparation = new Preparation(
                    id, spec.hostname().orElse(id), own, accounts, group, first, stub, Optional.empty(), local);
            Optional<Takeover> takeover = spec.init()
                    ? Optional.empty()
                    : Optional.of(Takeover.ofAnother(kernel.host(), nursery, first, stub));
            return container(preparation, takeover, spec, compile(spec));
        } catch (SyscallException e) {
            local.close();
            throw new SandboxException.Closed("the sandbox " + id + " does not answer: " + e.getMessage());
        } catch (RuntimeException e) {
            local.close();
            throw e;
        }
    }

    /** In place of a first process that takes no connections. */
    private static Stub nobody() throws SyscallException {
        List<Fd> line = UnixSocket.pair();
        line.getLast().close();
        return new Stub(line.getFirst());
    }

    /** Kills what still runs in a container that has outlived its engine, and removes its control groups. */
    public void removeGroups(String id) throws IOException {
        detachedGroups.get().remove(id);
    }

    /**
     * Cleans up after engines that have died, and gives back user ids of containers that do not exist.
     *
     * @param exists whether there is a detached container of a name
     * @return what could not be cleaned up, in words
     */
    public List<String> sweep(Predicate<String> exists) throws IOException {
        List<String> failures = state.sweep(undo, true);
        state.releaseOrphans(exists);
        return failures;
    }

    /** Gives back the user ids of a container that has outlived its engine. */
    public void releaseIds(String id) throws IOException {
        state.releaseRanges(id);
    }

    /** A process of this machine. */
    public Child process(long pid) throws SyscallException {
        return Child.of(kernel, (int) pid);
    }

    private interface Source {
        Preparation take() throws IOException;
    }

    private static Optional<byte[]> compile(SandboxSpec spec) {
        return Seccomp.compile(spec.seccomp(), Architecture.current(), Privileges.CAPABILITY_NAMES);
    }

    private Container create(SandboxSpec spec, Source source) {
        check(spec);
        Optional<byte[]> seccomp = compile(spec);
        try {
            Preparation preparation = source.take();
            try {
                return complete(preparation, spec, seccomp);
            } catch (IOException | RuntimeException e) {
                preparation.close();
                throw e;
            }
        } catch (SyscallException e) {
            throw new SandboxException.SetupFailed(
                    "cannot make the sandbox: " + e.getMessage(), SetupHints.of(e, spec), e);
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the sandbox: " + e.getMessage(), "", e);
        }
    }

    private Container complete(Preparation preparation, SandboxSpec spec, Optional<byte[]> seccomp) throws IOException {
        preparation.group().limit(spec.limits());
        String hostname = spec.hostname().orElse(preparation.id());
        if (!hostname.equals(preparation.hostname())) {
            kernel.sethostname(preparation.first(), hostname);
        }
        if (preparation.network().isPresent() && spec.network() instanceof Network.Named named) {
            List<String> names = new ArrayList<>(List.of(hostname));
            spec.name().ifPresent(names::add);
            preparation.network().get().open(named, names);
        }
        Optional<Takeover> takeover = spec.init()
                ? Optional.empty()
                : Optional.of(new Takeover(kernel.host(), nursery, preparation.first(), preparation.stub()));
        Container container = container(preparation, takeover, spec, seccomp);
        container.watchMemory();
        return container;
    }

    private Container container(
            Preparation preparation, Optional<Takeover> takeover, SandboxSpec spec, Optional<byte[]> seccomp) {
        ExecutionList.Walls walls = new ExecutionList.Walls(
                spec,
                preparation.range().first(),
                seccomp.map(Credentials::filterSystemCalls),
                new ExecutionList.Means(
                        PreparationMaker.hasGroups(preparation.range()),
                        preparation.group().limitsProcesses()));
        return new Container(
                kernel,
                preparation,
                takeover,
                walls,
                preparation.accounts().require(spec.user().orElse(SandboxSpec.DEFAULT_USER)));
    }

    /** What can be known of the named things before anything is made. */
    private void check(SandboxSpec spec) {
        if (!places.isRoot() && !spec.userNamespace()) {
            throw new SandboxException.Unsupported(
                    "a sandbox without a user namespace has the host's root, which this user is not", "run as root");
        }
        if (spec.network() instanceof Network.Named named) {
            networks.check(named, spec.lifetime().detached());
        }
        if (spec.root() instanceof Root.Directory(var path) && !Files.isDirectory(path)) {
            throw new SandboxException.InvalidSpec(
                    "the root directory " + path + " does not exist",
                    "give the directory that holds the root file system");
        }
        check(spec.mounts());
    }

    /**
     * Refuses what no sandbox may see of this machine.
     *
     * @throws SandboxException.InvalidSpec says why
     */
    public void check(List<? extends Mount> mounts) {
        Mounts.check(mounts);
    }

    @Override
    public void close() {
        cleanup.close();
    }
}
