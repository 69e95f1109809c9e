package dev.cay.engine.microvm;

import dev.cay.BootStep;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Templates;
import dev.cay.VmmKind;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.container.Ledger;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.erofs.LayerContent;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.engine.state.MachineOutput;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.Snapshot;
import dev.cay.engine.state.SnapshotStore;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Makes microVMs. Thread-safe. */
public final class MicroVms implements AutoCloseable {
    /** Of a guest whose memory nobody limits. */
    public static final Size DEFAULT_MEMORY = Size.mib(512);

    /** How long a guest may take from its kernel's first instruction to its last mount; an emulated one takes seconds. */
    private static final Duration BOOT = Duration.ofSeconds(120);

    private final Containers containers;
    private final NetworkSource networks;
    private final KernelStore kernels;
    private final HostKernel host;
    private final Vmms vmms;
    private final MachineTemplates templates;
    private final SpareMachines spares;

    /**
     * @param run where it is kept how guests can be run; empty after each start of this machine
     * @param data where templates are kept
     * @param sandboxes those of this machine
     */
    public MicroVms(
            Containers containers,
            NetworkSource networks,
            KernelStore kernels,
            Path run,
            Path data,
            SandboxStore sandboxes)
            throws IOException {
        this.containers = containers;
        this.networks = networks;
        this.kernels = kernels;
        host = new HostKernel();
        Home home = new ContainerHome(containers);
        vmms = new Vmms(home, host, run);
        Vmms.Choice qemu = vmms.get(VmmKind.QEMU);
        templates = new MachineTemplates(qemu.vmm(), kernels, host, qemu.files(), TemplateStore.open(data));
        spares = new SpareMachines(host, new QemuVmm(home), () -> sandboxes.makeReady(containers.engine()));
    }

    /**
     * Refuses what a microVM does not have yet, before anything is done.
     *
     * @throws SandboxException.Unsupported says what, and what to do instead
     */
    public static void check(SandboxSpec spec) {
        SpecCheck.check(spec);
    }

    static Size memory(SandboxSpec spec) {
        return MachineSpec.memory(spec.limits().memory().orElse(DEFAULT_MEMORY));
    }

    /**
     * Files that are disks of a microVM, besides the layers of its image.
     *
     * @param changes where its changes go, an empty ext4; empty if that is memory
     * @param volumes those of its volumes, by their names
     */
    public record DiskFiles(Optional<Path> changes, Map<String, Path> volumes) {
        public DiskFiles {
            volumes = Map.copyOf(volumes);
        }

        private int count() {
            return volumes.size() + changes.map(_ -> 1).orElse(0);
        }
    }

    /**
     * Makes a microVM, and returns when commands can run in it.
     *
     * @param access by which others can come, when they may: see {@link #admit}
     * @param layers of its image, the lowest first: EROFS files
     * @param others its other disks: ext4 that nobody else has mounted
     * @throws SandboxException.NotFound if there is no kernel
     * @throws SandboxException.SetupFailed if it does not come up; nothing of it is left
     */
    public MicroVm create(MachineAccess access, List<Path> layers, DiskFiles others) {
        SandboxSpec spec = access.spec();
        check(spec);
        List<Mount.Bind> shared = shared(spec);
        GuestKernel kernel = kernel(vmms.get(spec.vmm()).vmm(), layers, others, !shared.isEmpty());
        try {
            if (shared.isEmpty()) {
                return connected(kernel, layers, others, new Beside(Optional.empty(), Optional.empty(), access));
            }
            if (FileRelay.isWanted()) {
                return relayed(kernel, layers, others, shared, access);
            }
            FileServer files = FileServer.start(
                    host, containers, shared, user(spec, layers), FileServer.limits(spec.limits(), memory(spec)));
            try {
                return connected(kernel, layers, others, new Beside(Optional.of(files), Optional.empty(), access));
            } catch (IOException e) {
                files.close();
                throw files.explained(e);
            } catch (RuntimeException e) {
                files.close();
                throw e;
            }
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the microVM: " + e.getMessage(), "", e);
        }
    }

    private MicroVm relayed(
            GuestKernel kernel, List<Path> layers, DiskFiles others, List<Mount.Bind> shared, MachineAccess access)
            throws IOException {
        FileRelay relay = FileRelay.start(
                containers, shared, user(access.spec(), layers), access.spec().limits());
        try {
            return connected(
                    kernel, layers, others, new Beside(Optional.empty(), Optional.of(relay), Optional.empty(), access));
        } catch (IOException e) {
            relay.close();
            throw relay.explained(e);
        } catch (RuntimeException e) {
            relay.close();
            throw e;
        }
    }

    /**
     * What a machine has besides its disks and its network: who serves it files of the host, one or the other, where it goes on, and who may
     * come.
     */
    private record Beside(
            Optional<FileServer> files, Optional<FileRelay> relay, Optional<Past> past, MachineAccess access) {
        Beside(Optional<FileServer> files, Optional<Past> past, MachineAccess access) {
            this(files, Optional.empty(), past, access);
        }

        /** Who gives the machine files of this one. */
        Optional<MachineInfo.Files> giver() {
            return files.map(_ -> MachineInfo.Files.VIRTIOFSD).or(() -> relay.map(_ -> MachineInfo.Files.RELAY));
        }

        /** Who the owner of what the machine sees is in its guest. */
        GuestUser owner() {
            return files.map(FileServer::user)
                    .or(() -> relay.map(FileRelay::user))
                    .orElse(GuestUser.ROOT);
        }
    }

    /**
     * Makes a microVM that goes on where another one was.
     *
     * @param access by which others can come; its specification is that of the other one, but for its name
     * @param layers of its image, the lowest first
     * @param changes a copy of the disk that its changes were on, if it had one
     * @throws SandboxException.Unsupported if it cannot go on here
     */
    public MicroVm restore(MachineAccess access, List<Path> layers, Optional<Path> changes, Past past) {
        SandboxSpec spec = access.spec();
        check(spec);
        GuestKernel kernel = kernels.find(Optional.empty());
        try {
            past.check(vmms.get(spec.vmm()).files(), kernel);
            Beside beside = new Beside(Optional.empty(), Optional.of(past), access);
            return connected(kernel, layers, new DiskFiles(changes, Map.of()), beside);
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the microVM: " + e.getMessage(), "", e);
        }
    }

    /**
     * Keeps a microVM as it is; it goes on.
     *
     * @throws SandboxException.Unsupported if it cannot be kept
     * @throws SandboxException.Conflict if it is paused
     */
    public Snapshot keep(MicroVm machine, SnapshotStore.Draft draft) throws IOException {
        MachineKeeping keeping = machine.keeping();
        return keeping.keep(machine, draft, vmms.get(keeping.origins().spec().vmm()), host);
    }

    /**
     * Keeps a microVM that this process did not make as it is; it goes on. Whoever calls this sees to it that nobody else does that, or
     * pauses it, or starts anything in it meanwhile.
     *
     * @param guest it, entered by this process
     * @param commands what is known of those that were started in it
     * @throws SandboxException.Unsupported if it cannot be kept
     */
    public Snapshot keep(MachineAccess access, Guest guest, SnapshotStore.Draft draft, Snapshot.Commands commands)
            throws IOException {
        return new LastingKeeping(access, host)
                .keep(guest, draft, vmms.get(access.spec().vmm()).vmm(), memory(access.spec()), commands);
    }

    /** That which machines boot; it must find all disks. */
    private GuestKernel kernel(Vmm vmm, List<Path> layers, DiskFiles others, boolean files) {
        GuestKernel kernel = kernels.find(Optional.empty());
        int maximum = vmm.maximumDisks(kernel.acpi(), files);
        SpecCheck.refuse(
                layers.size() + others.count() > maximum,
                "an image of " + layers.size() + " layers, and " + others.count()
                        + " other disks: a microVM with the kernel " + kernel.name() + " has " + maximum + " disks",
                kernel.acpi()
                        ? "make its layers fewer, or use a container"
                        : "prefer a kernel that knows ACPI (cay kernel default), or make its layers fewer");
        return kernel;
    }

    /** What of this machine it sees, which has been found harmless. */
    private List<Mount.Bind> shared(SandboxSpec spec) {
        List<Mount.Bind> shared = spec.mounts().stream()
                .filter(Mount.Bind.class::isInstance)
                .map(Mount.Bind.class::cast)
                .toList();
        containers.check(shared);
        for (Mount.Bind bind : shared) {
            SpecCheck.refuse(
                    !Files.isDirectory(bind.source()) && !Files.isRegularFile(bind.source()),
                    "a microVM has nobody to talk to behind " + bind.source()
                            + ", which is neither a directory nor a file",
                    "mount a directory or a file, or use a container");
        }
        return shared;
    }

    /** Whom the owner of what it sees is in it: its default user, of whom its image's layers know. */
    static GuestUser user(SandboxSpec spec, List<Path> layers) throws IOException {
        return GuestUser.of(
                LayerContent.read(layers, "etc", "passwd", GuestUser.MAXIMUM_FILE)
                        .orElse(new byte[0]),
                LayerContent.read(layers, "etc", "group", GuestUser.MAXIMUM_FILE)
                        .orElse(new byte[0]),
                spec.user().orElse(SandboxSpec.DEFAULT_USER));
    }

    private MicroVm connected(GuestKernel kernel, List<Path> layers, DiskFiles others, Beside beside)
            throws IOException {
        spares.begin();
        try {
            return networked(kernel, layers, others, beside);
        } finally {
            spares.end();
        }
    }

    private MicroVm networked(GuestKernel kernel, List<Path> layers, DiskFiles others, Beside beside)
            throws IOException {
        String id = beside.access().id();
        SandboxSpec spec = beside.access().spec();
        if (!(spec.network() instanceof Network.Named named)) {
            return boot(kernel, layers, others, beside, Optional.empty());
        }
        GuestNetwork network = GuestNetwork.connect(
                host, networks, id, false, named, spec.hostname().orElse(id));
        try {
            return boot(kernel, layers, others, beside, Optional.of(network));
        } catch (IOException | RuntimeException e) {
            network.close();
            throw e;
        }
    }

    private MicroVm boot(
            GuestKernel kernel, List<Path> layers, DiskFiles others, Beside beside, Optional<GuestNetwork> network)
            throws IOException {
        long began = System.nanoTime();
        String id = beside.access().id();
        SandboxSpec spec = beside.access().spec();
        Optional<FileServer> files = beside.files();
        Optional<Past> past = beside.past();
        Vmms.Choice choice = vmms.get(spec.vmm());
        Set<Vmm.Ability> abilities = choice.vmm().abilities();
        MachineFiles parts = choice.files();
        Furnished furnished = Furnished.of(id, spec, layers, others, network, beside.owner());
        List<Disk> disks = furnished.disks();
        GuestSpec wanted = furnished.wanted();
        GuestSize size = GuestSize.of(spec, past);
        StartPoint start = start(choice, kernel, size, past, files.isPresent());
        MachineSpec machine = start.machine(parts, kernel, size, disks, network.map(GuestNetwork::card))
                .with(files.map(FileServer::connection))
                .within(spec.limits());
        StartPoint.Started begins = start.start(
                host,
                choice,
                spares,
                machine,
                Optional.of(beside.access().doors()).filter(_ -> admits(spec)));
        Machine started = begins.machine();
        files.ifPresent(server -> server.serve(started));
        beside.relay().ifPresent(relay -> relay.serve(started));
        BringUp.Begun begun = new BringUp.Begun(
                began,
                choice.vmm().serials(disks),
                kernel.acpi() && abilities.contains(Vmm.Ability.POWER_OFF),
                new MachineKind(
                        machine.acceleration() instanceof Acceleration.Emulated,
                        begins.began(),
                        start.template(),
                        beside.giver()),
                start.groundwork(disks),
                start.first(furnished, network),
                past.map(Past::surroundings));
        MicroVm.Origins origins = new MicroVm.Origins(spec, kernel, size, start.places(), others.changes(), past);
        try {
            MicroVm made = guest(id, started, begun, wanted, network, origins, beside.relay());
            start.warm().ifPresent(warm -> spares.used(warm, machine));
            return made;
        } catch (IOException e) {
            IOException explained = ConsoleTail.explained(started, e);
            started.close();
            throw explained;
        } catch (RuntimeException e) {
            started.close();
            throw e;
        }
    }

    /**
     * Where a microVM goes that outlives this process.
     *
     * @param access to it
     * @param home of its VMM
     * @param files if it sees files of this machine
     * @param ledger gets to know what is taken of this machine
     * @param said what its console says, and whoever gives it files
     */
    public record Lasting(
            MachineAccess access, LastingHome home, Optional<LastingFiles> files, Ledger ledger, MachineOutput said) {}

    /**
     * Makes a microVM that outlives this process, and returns when commands can run in it. What is left when it fails its home
     * and its ledger tell.
     *
     * @param layers of its image, the lowest first: EROFS files
     * @param others its other disks: ext4 that nobody else has mounted
     * @return how it came up
     * @throws SandboxException.NotFound if there is no kernel
     * @throws SandboxException.SetupFailed if it does not come up
     */
    public List<BootStep> detach(Lasting lasting, List<Path> layers, DiskFiles others) {
        return detach(lasting, layers, others, Optional.empty());
    }

    /**
     * Makes a microVM that outlives this process, and that goes on where another one was.
     *
     * @param changes a copy of the disk that the other one's changes were on, if it had one
     * @return how it came back
     * @throws SandboxException.Unsupported if it cannot go on here
     */
    public List<BootStep> detach(Lasting lasting, List<Path> layers, Optional<Path> changes, Past past) {
        return detach(lasting, layers, new DiskFiles(changes, Map.of()), Optional.of(past));
    }

    private List<BootStep> detach(Lasting lasting, List<Path> layers, DiskFiles others, Optional<Past> past) {
        SandboxSpec spec = lasting.access().spec();
        check(spec);
        List<Mount.Bind> shared = shared(spec);
        Vmms.Choice choice = vmms.get(spec.vmm());
        GuestKernel kernel = kernel(choice.vmm(), layers, others, !shared.isEmpty());
        GuestSize size = GuestSize.of(spec, past);
        try {
            boolean served = lasting.files().map(LastingFiles::usesMemory).orElse(false);
            StartPoint start = start(choice, kernel, size, past, served);
            return new LastingMachine(host, networks, choice, kernel, size, layers, others, start)
                    .make(lasting, shared, System.nanoTime() + patience(spec));
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the microVM: " + e.getMessage(), "", e);
        }
    }

    /** In nanoseconds; one that may use a processor half of the time may take twice as long. */
    private static long patience(SandboxSpec spec) {
        return (long) (BOOT.toNanos() / Math.min(1, spec.limits().cpus().orElse(1)));
    }

    /** @param served whether a virtiofsd gives it files of this machine, which works in its memory; a clone's is a private mapping */
    private StartPoint start(
            Vmms.Choice choice, GuestKernel kernel, GuestSize size, Optional<Past> past, boolean served)
            throws IOException {
        boolean mayBeClone =
                past.isEmpty() && !served && choice.vmm().abilities().contains(Vmm.Ability.CLONES);
        return new StartPoint(mayBeClone ? templates.find(kernel, size) : Optional.empty(), past);
    }

    private MicroVm guest(
            String id,
            Machine machine,
            BringUp.Begun begun,
            GuestSpec wanted,
            Optional<GuestNetwork> network,
            MicroVm.Origins origins,
            Optional<FileRelay> relay)
            throws IOException {
        SandboxSpec spec = origins.spec();
        long deadline = begun.when() + patience(spec);
        Fd channel = machine.channel(deadline);
        BringUp.Up up = new BringUp(host, channel, wanted, spec.furnishing().init(), network, deadline)
                .run(
                        begun,
                        relay.map(files -> files::mount),
                        stub -> last(stub, begun.powersOff(), origins.past(), relay.map(_ -> wanted.firstShare())));
        try {
            GuestCommands commands = GuestCommands.open(up.stub(), id, spec, up.surroundings());
            if (origins.past().isPresent()) {
                GuestReturn.goOn(up.stub());
            }
            int last = GuestCommands.MAKERS;
            if (origins.past().isPresent()) { // some that its maker started there go on here
                last = up.stub().alive().stream().mapToInt(Stub.Alive::number).reduce(last, Math::max);
            }
            MachineBeginning beginning =
                    new MachineBeginning(begun.kind(), up.answered(), up.steps(), spec.onHang(), last);
            return new MicroVm(
                    id,
                    machine,
                    up.stub(),
                    commands,
                    wanted.keepsChanges(),
                    begun.powersOff(),
                    network,
                    beginning,
                    MachineKeeping.of(host, origins, up.surroundings()));
        } catch (IOException | RuntimeException e) {
            up.stub().close();
            throw e;
        }
    }

    /** What comes when its root is there: the time, what it does when it is alone, and a sign that all of it was understood. */
    private static List<GuestStep> last(Stub stub, boolean powersOff, Optional<Past> past, Optional<String> relayed) {
        return List.of(
                new GuestStep.Talk("clock", true, guest -> GuestClock.correct(guest, InstantSource.system())),
                new GuestStep.Talk("dead man", true, _ -> {
                    stub.leave(GuestShutdown.alone(powersOff, relayed), GuestWatch.ALONE.toMillis());
                    if (past.isPresent()) { // the one before may have had a time of its own
                        stub.endAfter(0, 0, 0);
                    }
                }),
                new GuestStep.Talk("ready", true, _ -> stub.ping()));
    }

    /** Whether others than its maker can be let into a microVM. */
    public static boolean admits(SandboxSpec spec) {
        return spec.vmm() == VmmKind.QEMU || spec.vmm() == VmmKind.QEMU_Q35;
    }

    /** Lets other processes of its owner into a microVM of this process that {@link #admits} them. It may be closed meanwhile. */
    public void admit(MicroVm machine, MachineAccess access) throws IOException {
        MicroVm.Origins origins = machine.keeping().origins();
        String key = vmms.get(access.spec().vmm()).files().key(origins.kernel(), origins.size());
        machine.admit(host, access, key);
    }

    /** What machines can begin with instead of booting. */
    public Templates templates() {
        return templates;
    }

    @Override
    public void close() {
        spares.close();
        templates.close();
        host.close();
    }
}
