package dev.cay.engine.sandbox;

import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.engine.microvm.MicroVm;
import dev.cay.engine.microvm.MicroVms;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The microVMs that this process made. Thread-safe. */
final class MachineSandboxes implements AutoCloseable {
    private static final String INITRAMFS = "initramfs";

    private final Places places;
    private final Containers containers;
    private final ImageSource images;
    private final NetworkSource networks;
    private final Timeouts timeouts;
    private final Map<String, MachineSandbox> sandboxes = new ConcurrentHashMap<>();

    /** Made when first needed. */
    private volatile MicroVms machines;

    MachineSandboxes(
            Places places, Containers containers, ImageSource images, NetworkSource networks, Timeouts timeouts) {
        this.networks = networks;
        this.places = places;
        this.timeouts = timeouts;
        this.containers = containers;
        this.images = images;
    }

    KernelStore kernels() {
        return StoredSandboxes.guarded(() -> KernelStore.open(places.data().resolve(KernelStore.NAME)));
    }

    /** @param spec of which {@link MicroVms#check} has nothing to say */
    Sandbox create(SandboxSpec spec) {
        if (!places.isRoot()) {
            throw new SandboxException.Unsupported(
                    "only the host's root makes microVMs yet", "run as root, or use a container");
        }
        if (spec.name().isPresent()
                || spec.lifetime().limit().isPresent()
                || spec.lifetime().idle().isPresent()) {
            throw new SandboxException.Unsupported(
                    "a microVM has no name and no lifetime of its own yet", "leave them out, or use a container");
        }
        String id = Containers.newId();
        String image = ((Root.Image) spec.root()).exact();
        MicroVm machine;
        try {
            // When it is up the VMM has the layers open: they stay for as long as that lives.
            machine = machines().create(id, spec, images.use(image, id).layers());
        } finally {
            images.release(id);
        }
        MachineSandbox sandbox = new MachineSandbox(machine, spec, timeouts, () -> sandboxes.remove(id));
        sandboxes.put(id, sandbox);
        return sandbox;
    }

    private MicroVms machines() {
        if (machines == null) {
            synchronized (this) {
                if (machines == null) {
                    machines = StoredSandboxes.guarded(() -> new MicroVms(
                            containers, networks, kernels(), places.run().resolve(INITRAMFS)));
                }
            }
        }
        return machines;
    }

    List<SandboxInfo> list() {
        List<SandboxInfo> list = new ArrayList<>();
        sandboxes.values().forEach(sandbox -> list.add(sandbox.info()));
        return list;
    }

    @Override
    public void close() {
        sandboxes.values().forEach(MachineSandbox::close);
        if (machines != null) {
            machines.close();
        }
    }
}
