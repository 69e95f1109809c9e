package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Templates;
import dev.cay.Writable;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.linux.Architecture;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes microVMs. Thread-safe. */
public final class MicroVms implements AutoCloseable {
    /** Of a guest whose memory nobody limits. */
    public static final Size DEFAULT_MEMORY = Size.mib(512);

    /** How long a guest may take from its kernel's first instruction to its last mount; an emulated one takes seconds. */
    private static final Duration BOOT = Duration.ofSeconds(120);

    private final KernelStore kernels;
    private final Vmm vmm;
    private final HostKernel host;
    private final MachineFiles files;
    private final MachineTemplates templates;

    /**
     * @param run a directory that is empty after each start of this machine
     * @param data where templates are kept
     */
    public MicroVms(Containers containers, KernelStore kernels, Path run, Path data) throws IOException {
        this(new QemuVmm(new ContainerHome(containers)), kernels, run, data);
    }

    MicroVms(Vmm vmm, KernelStore kernels, Path run, Path data) throws IOException {
        this.vmm = vmm;
        this.kernels = kernels;
        host = new HostKernel();
        files = new MachineFiles(vmm, host, run);
        templates = new MachineTemplates(vmm, kernels, host, files, TemplateStore.open(data));
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
                spec.network() instanceof Network.Named || spec.network() instanceof Network.Host,
                "a microVM has no network but its loopback yet",
                "leave out --network, or use a container");
        refuse(
                spec.writable() instanceof Writable.Directory,
                "a microVM keeps no changes in a directory of this machine",
                "leave out --writable, or use a container");
        refuse(
                spec.mounts().stream().anyMatch(mount -> !(mount instanceof Mount.Tmpfs)),
                "a microVM sees no file and no volume of this machine yet",
                "leave out --volume, or use a container");
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
     * Makes a microVM, and returns when commands can run in it.
     *
     * @param id of the sandbox
     * @param layers of its image, the lowest first: EROFS files
     * @throws SandboxException.NotFound if there is no kernel
     * @throws SandboxException.SetupFailed if it does not come up; nothing of it is left
     */
    public MicroVm create(String id, SandboxSpec spec, List<Path> layers) {
        check(spec);
        refuse(
                layers.size() > MachineSpec.MAXIMUM_DISKS,
                "an image of " + layers.size() + " layers has more than a microVM's " + MachineSpec.MAXIMUM_DISKS
                        + " disks",
                "make its layers fewer, or use a container");
        GuestKernel kernel = kernels.find(Optional.empty());
        try {
            return boot(id, spec, kernel, layers);
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot make the microVM: " + e.getMessage(), "", e);
        }
    }

    private MicroVm boot(String id, SandboxSpec spec, GuestKernel kernel, List<Path> layers) throws IOException {
        long began = System.nanoTime();
        List<Disk> disks = new ArrayList<>();
        for (Path layer : layers) {
            disks.add(new Disk(layer, "layer" + disks.size(), true));
        }
        GuestSpec wanted =
                GuestSpec.of(id, spec, disks.stream().map(Disk::serial).toList());
        Optional<MachineTemplates.Warm> warm = templates.find(kernel, memory(spec));
        Machine started = warm.isPresent()
                ? vmm.start(
                        files.clone(kernel, warm.get().template(), disks),
                        warm.get().origin())
                : vmm.start(files.machine(kernel, memory(spec), disks));
        List<GuestStep> first = warm.map(one -> GuestPlaces.resume(one.template(), disks.size()))
                .orElse(List.of());
        try {
            return guest(id, spec, started, first, wanted, began + BOOT.toNanos());
        } catch (IOException e) {
            IOException explained = ConsoleTail.explained(started, e);
            started.close();
            throw explained;
        } catch (RuntimeException e) {
            started.close();
            throw e;
        }
    }

    /** @param first what its guest has to be told before anything else */
    private static MicroVm guest(
            String id, SandboxSpec spec, Machine machine, List<GuestStep> first, GuestSpec wanted, long deadline)
            throws IOException {
        Stub stub = Stub.ofMachine(machine.channel(), deadline);
        try {
            GuestBoot boot = new GuestBoot(stub);
            boot.take(first);
            GuestSurroundings surroundings = boot.bringUp(wanted, deadline);
            boot.take(last(stub));
            return new MicroVm(id, machine, stub, GuestCommands.open(stub, id, spec, surroundings), boot.report());
        } catch (IOException | RuntimeException e) {
            stub.close();
            throw e;
        }
    }

    /** What comes when its root is there: the time, what it does when it is alone, and a sign that all of it was understood. */
    private static List<GuestStep> last(Stub stub) {
        return List.of(
                new GuestStep.Talk("clock", true, guest -> GuestClock.correct(guest, InstantSource.system())),
                new GuestStep.Talk(
                        "dead man", true, _ -> stub.leave(GuestShutdown.alone(), GuestWatch.ALONE.toMillis())),
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
