package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Templates;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.engine.state.FileLocks;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Kernel;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The templates of this machine, and those of them that this engine has in its memory. Thread-safe.
 *
 * <p>QEMU opens the file of a guest's memory for writing, also where all that it writes is private. So no clone gets the file on the
 * disk, which all clones of all engines have in common: each engine reads that into a file in memory, once, and seals it.
 */
final class MachineTemplates implements Templates, AutoCloseable {
    private static final Duration BOOT = Duration.ofSeconds(120);

    private final Vmm vmm;
    private final KernelStore kernels;
    private final HostKernel host;
    private final MachineFiles files;
    private final TemplateStore store;
    private final Map<Template, Warm> loaded = new HashMap<>();

    MachineTemplates(Vmm vmm, KernelStore kernels, HostKernel host, MachineFiles files, TemplateStore store) {
        this.vmm = vmm;
        this.kernels = kernels;
        this.host = host;
        this.files = files;
        this.store = store;
    }

    /** A template in memory; both files are sealed. */
    record Warm(Template template, MemoryFile memory, MemoryFile state) implements AutoCloseable {
        Origin origin() {
            return new Origin.Clone(memory, state);
        }

        @Override
        public void close() {
            memory.close();
            state.close();
        }
    }

    /** One with which a guest of a kernel and of this size can begin. */
    Optional<Warm> find(GuestKernel kernel, GuestSize size) throws IOException {
        Optional<Template> fitting = fitting(kernel, size);
        return fitting.isEmpty() ? Optional.empty() : Optional.of(load(fitting.get()));
    }

    private Optional<Template> fitting(GuestKernel kernel, GuestSize size) throws IOException {
        List<Template> all = store.list();
        if (all.isEmpty()) {
            return Optional.empty();
        }
        String key = files.key(kernel, size);
        return all.stream().filter(template -> template.key().equals(key)).findFirst();
    }

    private synchronized Warm load(Template template) throws IOException {
        Warm warm = loaded.get(template);
        if (warm == null) {
            warm = empty(template);
            try {
                store.read(template, warm.memory(), warm.state());
                warm.memory().seal();
                warm.state().seal();
            } catch (IOException e) {
                warm.close();
                throw new IOException(
                        "the template " + template.name() + " cannot be read: " + e.getMessage()
                                + " (remove it: cay template rm " + template.name() + ")",
                        e);
            }
            loaded.put(template, warm);
        }
        return warm;
    }

    private Warm empty(Template template) throws SyscallException {
        MemoryFile memory =
                MemoryFile.create(host, "cay-guest", template.guest().memory().bytes());
        try {
            return new Warm(template, memory, MemoryFile.create(host, "cay-machine", 0));
        } catch (SyscallException e) {
            memory.close();
            throw e;
        }
    }

    @Override
    public Info create(String name, Size wanted, int processors) {
        Size memory = MachineSpec.memory(wanted);
        new Info(name, "", memory, processors, memory, Instant.EPOCH, true);
        if (memory.compareTo(MachineSpec.MINIMUM_MEMORY) < 0) {
            throw new SandboxException.InvalidSpec(
                    "a microVM of " + memory + " does not come up",
                    "give it " + MachineSpec.MINIMUM_MEMORY + " or more");
        }
        GuestKernel kernel = kernels.find(Optional.empty());
        SpecCheck.processors(processors);
        return guarded("make the template", () -> {
            if (store.find(name).isPresent()) {
                throw new SandboxException.Conflict(
                        "there is a template " + name + " already", "remove it, or choose another name");
            }
            return info(make(name, kernel, new GuestSize(memory, processors)));
        });
    }

    private Template make(String name, GuestKernel kernel, GuestSize size) throws IOException {
        long deadline = System.nanoTime() + BOOT.toNanos();
        try (MemoryFile ram = MemoryFile.create(host, "cay-guest", size.memory().bytes());
                MemoryFile state = MemoryFile.create(host, "cay-machine", 0)) {
            GuestPlaces.Left places;
            MachineSpec machine = files.machine(kernel, size, List.of(), Optional.empty());
            try (Machine mould = vmm.start(machine, new Origin.Mould(ram))) {
                try (Stub stub = Stub.ofMachine(mould.channel(deadline), deadline)) {
                    places = left(stub, machine.places(), deadline);
                    mould.save(state);
                } catch (IOException e) {
                    throw ConsoleTail.explained(mould, e);
                }
            }
            ram.seal();
            Template template = new Template(
                    name,
                    files.key(kernel, size),
                    kernel.release(),
                    size,
                    files.kilohertz(),
                    places.disks(),
                    places.kept(),
                    places.card(),
                    Instant.now());
            store.add(template, ram, state);
            return template;
        }
    }

    /** Returns when nothing is on its way to the guest or from it any more. */
    private static GuestPlaces.Left left(Stub stub, int places, long deadline) throws IOException {
        try (SessionLimit limit = new SessionLimit(stub, deadline)) {
            try {
                GuestPlaces.Left left = GuestPlaces.leave(inside(stub), places, deadline);
                stub.ping();
                return left;
            } catch (IOException e) {
                throw limit.explained(e);
            }
        }
    }

    private static Kernel inside(Stub stub) {
        return new Kernel() {
            @Override
            public Results run(OpList list) throws SyscallException {
                return stub.runInside(list);
            }

            @Override
            public Child spawn(OpList list, Birth birth) {
                throw new UnsupportedOperationException("a template starts no processes");
            }
        };
    }

    @Override
    public List<Info> list() {
        return guarded("read the templates", () -> {
            List<Info> infos = new ArrayList<>();
            for (Template template : store.list()) {
                infos.add(info(template));
            }
            return infos;
        });
    }

    private Info info(Template template) throws IOException {
        return new Info(
                template.name(),
                template.kernel(),
                template.guest().memory(),
                template.guest().processors(),
                store.size(template.name()),
                template.created(),
                isUsable(template));
    }

    private boolean isUsable(Template template) throws IOException {
        try {
            return files.key(kernels.find(Optional.empty()), template.guest()).equals(template.key());
        } catch (SandboxException.NotFound e) {
            return false; // there is no kernel any more
        }
    }

    @Override
    public void remove(String name) {
        guarded("remove the template", () -> {
            store.remove(name);
            return name;
        });
    }

    private static <T> T guarded(String what, FileLocks.Action<T> action) {
        try {
            return action.run();
        } catch (IOException e) {
            throw new SandboxException.SetupFailed("cannot " + what + ": " + e.getMessage(), "", e);
        }
    }

    @Override
    public synchronized void close() {
        loaded.values().forEach(Warm::close);
        loaded.clear();
    }
}
