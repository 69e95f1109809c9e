package dev.cay.engine.container;

import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.seccomp.Seccomp;
import dev.cay.linux.Architecture;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Credentials;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Landlock;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Makes containers. Thread-safe. Closing it removes what the engine itself has left on the host. */
public final class Containers implements AutoCloseable {
    private final Cleanup cleanup = new Cleanup();
    private final HostKernel kernel;
    private final CgroupParent cgroups;
    private final ExecutorService background;
    private final PreparationPool preparations;
    private final Layers layers;
    private final Nursery nursery;
    private final List<Op> signals;
    private final List<Op> capabilityBounds;
    private final List<Op> capabilityBoundsOfHost;

    /**
     * @throws SandboxException.Unsupported if this machine cannot run containers
     */
    public Containers() {
        try {
            Hierarchies hierarchies = Machine.require();
            kernel = cleanup.push(new HostKernel());
            StateDirectory state = cleanup.push(StateDirectory.open());
            state.sweep(engine -> CgroupParent.sweep(hierarchies, engine));
            cgroups = cleanup.push(CgroupParent.create(kernel, hierarchies, state.engine()));
            layers = cleanup.push(new Layers(kernel));
            background = cleanup.push(Executors.newSingleThreadExecutor(
                    Thread.ofPlatform().name("cay-background").daemon().factory()));
            preparations = cleanup.push(
                    new PreparationPool(new Preparation.HostMaker(kernel, layers, new IdRanges(state)), background));
            nursery = cleanup.push(Nursery.create(kernel));
            signals = Processes.defaultIgnoredSignals(kernel);
            int lastCapability = Privileges.lastCapability(kernel);
            capabilityBounds = Privileges.bounds(lastCapability, true);
            capabilityBoundsOfHost = Privileges.bounds(lastCapability, false);
        } catch (IOException e) {
            cleanup.close();
            throw new SandboxException.Unsupported(
                    "this process cannot make containers: " + e.getMessage(),
                    "run it outside of other containers, with all capabilities");
        } catch (RuntimeException e) {
            cleanup.close();
            throw e;
        }
    }

    /**
     * Makes a container.
     *
     * @param id its name, unique in this engine
     * @throws SandboxException.InvalidSpec if what the specification names does not exist
     * @throws SandboxException.SetupFailed if a step failed; what had been made is gone again
     */
    public Container create(String id, SandboxSpec spec) {
        check(spec);
        Optional<byte[]> seccomp = Seccomp.compile(spec.seccomp(), Architecture.current(), Privileges.CAPABILITY_NAMES);
        Cleanup undo = new Cleanup();
        try {
            return create(id, spec, seccomp, undo);
        } catch (SyscallException e) {
            undo.close();
            throw new SandboxException.SetupFailed(
                    "cannot make the sandbox: " + e.getMessage(), SetupHints.of(e, spec), e);
        } catch (IOException e) {
            undo.close();
            throw new SandboxException.SetupFailed("cannot make the sandbox: " + e.getMessage(), "", e);
        } catch (RuntimeException e) {
            undo.close();
            throw e;
        }
    }

    private Container create(String id, SandboxSpec spec, Optional<byte[]> seccomp, Cleanup undo) throws IOException {
        Cgroup cgroup = undo.push(Cgroup.create(cgroups, id, spec.limits()));
        Preparation preparation = preparations.take(spec);
        undo.push(preparation.range());
        preparation.writable().ifPresent(undo::push);
        boolean ownNetwork = spec.network() instanceof Network.None;
        try (Cgroup.Entrance entrance = cgroup.enter()) {
            Accounts.Identity identity = preparation.accounts().require(spec.user());
            Optional<Fd> landlock =
                    Landlock.ruleset(kernel, preparation.rootfs().root(), !ownNetwork);
            landlock.ifPresent(undo::push);
            OpList list = CreationList.of(new CreationList.Parts(
                    spec.hostname().orElse(id),
                    preparation.rootfs(),
                    layers.get(Layers.Layer.EMPTY),
                    preparation.namespaces(),
                    entrance,
                    nursery));
            Birth birth = new Birth(
                    Namespaces.PID | Namespaces.IPC | Namespaces.UTS,
                    Optional.of(entrance.unified()),
                    Optional.empty(),
                    false);
            Child first = kernel.spawn(list, birth);
            undo.push(() -> {
                cgroup.kill();
                first.await();
                first.close();
            });
            ExecutionList.Walls walls = new ExecutionList.Walls(
                    spec,
                    preparation.range().first(),
                    ownNetwork,
                    signals,
                    spec.userNamespace() ? capabilityBounds : capabilityBoundsOfHost,
                    landlock.map(Landlock::restrictSelf),
                    seccomp.map(Credentials::filterSystemCalls));
            Container container = new Container(kernel, id, walls, identity, cgroup, first, undo);
            container.watchMemory();
            return container;
        } finally {
            // Taking the mounts' scaffolding apart is slow, and nobody needs to wait for it before the sandbox's end.
            Future<?> dismantled = background.submit(preparation::dismantle);
            undo.push(() -> Uninterruptibly.await(dismantled));
        }
    }

    /** What can be known of the named things before anything is made. */
    private static void check(SandboxSpec spec) {
        if (spec.root() instanceof Root.Directory(var path) && !Files.isDirectory(path)) {
            throw new SandboxException.InvalidSpec(
                    "the root directory " + path + " does not exist",
                    "give the directory that holds the root file system");
        }
    }

    @Override
    public void close() {
        cleanup.close();
    }
}
