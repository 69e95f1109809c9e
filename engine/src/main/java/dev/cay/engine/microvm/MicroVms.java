package dev.cay.engine.microvm;

import dev.cay.Furnishing;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Templates;
import dev.cay.VmmKind;
import dev.cay.Writable;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.erofs.LayerContent;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.linux.Architecture;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

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

    /**
     * @param run where it is kept how guests can be run; empty after each start of this machine
     * @param data where templates are kept
     */
    public MicroVms(Containers containers, NetworkSource networks, KernelStore kernels, Path run, Path data)
            throws IOException {
        this.containers = containers;
        this.networks = networks;
        this.kernels = kernels;
        host = new HostKernel();
        vmms = new Vmms(new ContainerHome(containers), host, run);
        Vmms.Choice qemu = vmms.get(VmmKind.QEMU);
        templates = new MachineTemplates(qemu.vmm(), kernels, host, qemu.files(), TemplateStore.open(data));
    }

    /**
     * Refuses what a microVM does not have yet, before anything is done.
     *
     * @throws SandboxException.Unsupported says what, and what to do instead
     */
    public static void check(SandboxSpec spec) {
        refuse(Architecture.current() != Architecture.X86_64, "microVMs run on x86-64 only", "use a container");
        refuse(
                !(spec.root() instanceof Root.Image),
                "a microVM is made of an image: its guest sees no directory of this machine",
                "name an image, or use a container");
        refuse(spec.lifetime().detached(), "a microVM ends with the process that made it", "leave out --detach");
        refuse(
                spec.network() instanceof Network.Host,
                "a microVM has a network stack of its own: it cannot be on the host's",
                "use --network bridge, or a container");
        refuse(
                spec.writable() instanceof Writable.Directory,
                "a microVM keeps no changes in a directory of this machine",
                "leave out --writable, or use a container");
        refuse(!spec.limits().io().isNone(), "a microVM has no limits of io yet", "leave out --io");
        refuse(
                spec.limits().cpus().isPresent() || spec.limits().cpuWeight().isPresent(),
                "a microVM has one processor, all of it",
                "leave out --cpus and --cpu-weight, or use a container");
        refuse(!spec.userNamespace(), "a microVM has users of its own anyway", "leave out --no-userns");
        refuse(
                memory(spec).compareTo(MachineSpec.MINIMUM_MEMORY) < 0,
                "a microVM of " + memory(spec) + " does not come up",
                "give it " + MachineSpec.MINIMUM_MEMORY + " or more");
        Vmms.check(spec);
    }

    private static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint);
        }
    }

    private static Size memory(SandboxSpec spec) {
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
     * @param id of the sandbox
     * @param layers of its image, the lowest first: EROFS files
     * @param others its other disks: ext4 that nobody else has mounted
     * @throws SandboxException.NotFound if there is no kernel
     * @throws SandboxException.SetupFailed if it does not come up; nothing of it is left
     */
    public MicroVm create(String id, SandboxSpec spec, List<Path> layers, DiskFiles others) {
        check(spec);
        GuestKernel kernel = kernels.find(Optional.empty());
        List<Mount.Bind> shared = shared(spec);
        Vmm vmm = vmms.get(spec.vmm()).vmm();
        int maximum = vmm.maximumDisks(kernel.acpi(), !shared.isEmpty());
        refuse(
                layers.size() + others.count() > maximum,
                "an image of " + layers.size() + " layers, and " + others.count()
                        + " other disks: a microVM with the kernel " + kernel.name() + " has " + maximum + " disks",
                kernel.acpi()
                        ? "make its layers fewer, or use a container"
                        : "prefer a kernel that knows ACPI (cay kernel default), or make its layers fewer");
        try {
            if (shared.isEmpty()) {
                return boot(id, spec, kernel, layers, others, Optional.<FileServer>empty());
            }
            FileServer files = FileServer.start(host, containers, shared, user(spec, layers));
            try {
                return boot(id, spec, kernel, layers, others, Optional.of(files));
            } catch (IOException | RuntimeException e) {
                files.close();
                throw e;
            }
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the microVM: " + e.getMessage(), "", e);
        }
    }

    /** What of this machine it sees, which has been found harmless. */
    private List<Mount.Bind> shared(SandboxSpec spec) {
        List<Mount.Bind> shared = spec.mounts().stream()
                .filter(Mount.Bind.class::isInstance)
                .map(Mount.Bind.class::cast)
                .toList();
        refuse(
                !shared.isEmpty() && !FileServer.isThere(),
                "a microVM sees files of this machine by the virtiofsd of QEMU 5 to 7, which is not here",
                "install it (Debian 12: qemu-system-common), copy them with 'cay cp', or use a container");
        containers.check(shared);
        for (Mount.Bind bind : shared) {
            refuse(
                    !Files.isDirectory(bind.source()) && !Files.isRegularFile(bind.source()),
                    "a microVM has nobody to talk to behind " + bind.source()
                            + ", which is neither a directory nor a file",
                    "mount a directory or a file, or use a container");
        }
        return shared;
    }

    /** Whom the owner of what it sees is in it: its default user, of whom its image's layers know. */
    private static GuestUser user(SandboxSpec spec, List<Path> layers) throws IOException {
        return GuestUser.of(
                LayerContent.read(layers, "etc", "passwd", GuestUser.MAXIMUM_FILE)
                        .orElse(new byte[0]),
                LayerContent.read(layers, "etc", "group", GuestUser.MAXIMUM_FILE)
                        .orElse(new byte[0]),
                spec.user().orElse(SandboxSpec.DEFAULT_USER));
    }

    private MicroVm boot(
            String id,
            SandboxSpec spec,
            GuestKernel kernel,
            List<Path> layers,
            DiskFiles others,
            Optional<FileServer> files)
            throws IOException {
        if (!(spec.network() instanceof Network.Named named)) {
            return boot(id, spec, kernel, layers, others, files, Optional.empty());
        }
        GuestNetwork network =
                GuestNetwork.connect(host, networks, id, named, spec.hostname().orElse(id));
        try {
            return boot(id, spec, kernel, layers, others, files, Optional.of(network));
        } catch (IOException | RuntimeException e) {
            network.close();
            throw e;
        }
    }

    private MicroVm boot(
            String id,
            SandboxSpec spec,
            GuestKernel kernel,
            List<Path> layers,
            DiskFiles others,
            Optional<FileServer> files,
            Optional<GuestNetwork> network)
            throws IOException {
        long began = System.nanoTime();
        Vmms.Choice choice = vmms.get(spec.vmm());
        Set<Vmm.Ability> abilities = choice.vmm().abilities();
        MachineFiles parts = choice.files();
        List<Disk> disks = new ArrayList<>();
        for (Path layer : layers) {
            disks.add(new Disk(layer, "layer" + disks.size(), true));
        }
        List<String> lower = disks.stream().map(Disk::serial).toList();
        Map<String, String> serials = new HashMap<>();
        others.changes().ifPresent(file -> disks.add(new Disk(file, GuestSpec.CHANGES, false)));
        others.volumes().forEach((name, file) -> {
            String serial = "volume" + serials.size();
            serials.put(name, serial);
            disks.add(new Disk(file, serial, isReadOnly(spec, name)));
        });
        GuestSpec wanted = GuestSpec.of(
                id,
                spec,
                lower,
                network.map(GuestNetwork::gateways).orElse(List.of()),
                serials,
                files.map(FileServer::user).orElse(GuestUser.ROOT));
        // Who serves files works in the guest's memory, and a clone's is a private mapping of a file.
        Optional<MachineTemplates.Warm> warm = files.isPresent() || !abilities.contains(Vmm.Ability.CLONES)
                ? Optional.empty()
                : templates.find(kernel, memory(spec));
        Optional<MachineSpec.NetworkCard> card = network.map(GuestNetwork::card);
        Machine started = warm.isPresent()
                ? choice.vmm()
                        .start(
                                parts.clone(kernel, warm.get().template(), disks, card),
                                warm.get().origin())
                : choice.vmm()
                        .start(parts.machine(kernel, memory(spec), disks, card)
                                .with(files.map(FileServer::connection)));
        files.ifPresent(server -> server.serve(started));
        Begun begun = new Begun(
                began,
                choice.vmm().serials(disks),
                kernel.acpi() && abilities.contains(Vmm.Ability.POWER_OFF),
                warm.map(one -> one.template().name()),
                warm.map(one -> GuestPlaces.resume(one.template(), disks.size(), card.isPresent()))
                        .orElse(List.of()));
        try {
            return guest(id, spec, started, begun, wanted, network);
        } catch (IOException e) {
            IOException explained = ConsoleTail.explained(started, e);
            started.close();
            throw explained;
        } catch (RuntimeException e) {
            started.close();
            throw e;
        }
    }

    /** Whether a sandbox changes nothing of a volume. */
    private static boolean isReadOnly(SandboxSpec spec, String volume) {
        return spec.mounts().stream()
                .filter(Mount.Named.class::isInstance)
                .map(Mount.Named.class::cast)
                .filter(named -> named.volume().equals(volume))
                .allMatch(Mount.Named::readOnly);
    }

    /**
     * What has been begun.
     *
     * @param when a value of {@link System#nanoTime}
     * @param serials what the guest sees as those of its disks
     * @param powersOff whether it switches its machine off; else it restarts that
     * @param template its name, if it does not boot
     * @param first what its guest has to be told before anything else
     */
    private record Begun(
            long when,
            Map<String, String> serials,
            boolean powersOff,
            Optional<String> template,
            List<GuestStep> first) {}

    private MicroVm guest(
            String id, SandboxSpec spec, Machine machine, Begun begun, GuestSpec wanted, Optional<GuestNetwork> network)
            throws IOException {
        long deadline = begun.when() + BOOT.toNanos();
        Stub stub = Stub.ofMachine(machine.channel(deadline), deadline);
        try {
            GuestBoot boot = new GuestBoot(stub, begun.serials());
            Duration answered = Duration.ofNanos(System.nanoTime() - begun.when());
            boot.take(begun.first());
            GuestSurroundings surroundings = boot.bringUp(wanted, deadline);
            boot.take(network.map(GuestNetwork::step).stream().toList());
            stub = handOver(boot, machine, stub, spec.furnishing().init(), deadline);
            // Else it waits for its turn behind all commands, and so does whoever asks it something.
            boot.take(List.of(new GuestStep.Calls("priority", false, OpList.of(MachineOps.beforeOthers()))));
            boot.take(last(stub, begun.powersOff()));
            GuestCommands commands = GuestCommands.open(stub, id, spec, surroundings);
            MicroVm.Beginning beginning =
                    new MicroVm.Beginning(begun.template(), answered, boot.steps(), spec.onHang());
            boolean powersOff = begun.powersOff();
            return new MicroVm(id, machine, stub, commands, wanted.keepsChanges(), powersOff, network, beginning);
        } catch (IOException | RuntimeException e) {
            stub.close();
            throw e;
        }
    }

    /** The stub that is there when the image's init, if it is wanted, is the first process. */
    private Stub handOver(GuestBoot boot, Machine machine, Stub stub, Optional<Furnishing.Init> init, long deadline)
            throws IOException {
        if (init.isEmpty()) {
            return stub;
        }
        AtomicReference<Stub> next = new AtomicReference<>(stub);
        boot.take(List.of(new GuestStep.Talk(
                "init", true, _ -> next.set(GuestInit.start(host, machine, stub, init.get(), deadline)))));
        boot.goOn(next.get());
        return next.get();
    }

    /** What comes when its root is there: the time, what it does when it is alone, and a sign that all of it was understood. */
    private static List<GuestStep> last(Stub stub, boolean powersOff) {
        return List.of(
                new GuestStep.Talk("clock", true, guest -> GuestClock.correct(guest, InstantSource.system())),
                new GuestStep.Talk(
                        "dead man", true, _ -> stub.leave(GuestShutdown.alone(powersOff), GuestWatch.ALONE.toMillis())),
                new GuestStep.Talk("ready", true, _ -> stub.ping()));
    }

    /** What machines can begin with instead of booting. */
    public Templates templates() {
        return templates;
    }

    @Override
    public void close() {
        templates.close();
        host.close();
    }
}
