package dev.cay.engine.sandbox;

import dev.cay.Isolation;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Snapshots;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.microvm.Past;
import dev.cay.engine.state.Snapshot;
import dev.cay.engine.state.SnapshotStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The snapshots of this machine, of microVMs of this process and of others of its owner. Thread-safe. */
final class MachineSnapshots implements Snapshots {
    private final Path base;
    private final MachineSandboxes machines;

    MachineSnapshots(Path base, MachineSandboxes machines) {
        this.base = base;
        this.machines = machines;
    }

    private SnapshotStore store() {
        return StoredSandboxes.guarded(() -> SnapshotStore.open(base));
    }

    @Override
    public Info create(Sandbox sandbox, String name) {
        new Info(name, "", Size.bytes(0), Size.bytes(0), Duration.ZERO, Instant.EPOCH);
        SnapshotStore store = store();
        store.requireNew(name);
        return StoredSandboxes.guarded(() -> {
            try (SnapshotStore.Draft draft = store.draft(machines.engine())) {
                Snapshot snapshot = keep(sandbox, draft);
                draft.keep(name, snapshot);
                return info(store, name, snapshot);
            }
        });
    }

    /** Of what is no microVM, or lets nobody in, nobody here could keep anything. */
    private Snapshot keep(Sandbox sandbox, SnapshotStore.Draft draft) throws IOException {
        if (sandbox instanceof MachineSandbox machine) {
            return machines.keep(machine, draft);
        }
        SandboxSpec spec = sandbox.info().spec();
        if (spec.isolation() == Isolation.CONTAINER) {
            throw new SandboxException.Unsupported(
                    "the sandbox " + sandbox.id()
                            + " is a container: its processes are the host's kernel's, which keeps none for later",
                    "make a microVM (--isolation microvm), or keep its files: cay commit");
        }
        Optional<MachineSandbox> own = machines.find(sandbox.id());
        if (own.isPresent()) {
            return machines.keep(own.get(), draft);
        }
        if (sandbox instanceof StoredSandbox stored && MicroVms.admits(spec)) {
            return machines.keep(stored, draft);
        }
        throw new SandboxException.Unsupported(
                "the microVM " + sandbox.id() + " lets nobody in but the process that made it",
                "make it with --vmm qemu");
    }

    @Override
    public Sandbox restore(String snapshot, Copy copy) {
        return StoredSandboxes.guarded(() -> {
            SnapshotStore store = store();
            Snapshot found = store.find(snapshot);
            Past past = new Past(snapshot, found, store.machine(snapshot));
            return machines.restore(
                    spec(found.spec(), copy),
                    new MachineSandboxes.Continuation(past, store.changes(snapshot), store.executions(snapshot)));
        });
    }

    /** The ports of this machine are the original's, as long as that has them. */
    static SandboxSpec spec(SandboxSpec original, Copy copy) {
        SandboxSpec spec = original.withName(copy.name()).withLifetime(copy.lifetime());
        return spec.network() instanceof Network.Named named ? spec.withNetwork(named.withPorts(List.of())) : spec;
    }

    @Override
    public Sandbox fork(Sandbox sandbox, Copy copy) {
        return StoredSandboxes.guarded(() -> {
            try (SnapshotStore.Draft draft = store().draft(machines.engine())) {
                Snapshot snapshot = keep(sandbox, draft);
                Past past = new Past(sandbox.id(), snapshot, draft.machine());
                return machines.restore(
                        spec(snapshot.spec(), copy),
                        new MachineSandboxes.Continuation(past, draft.copiedChanges(), draft.executions()));
            }
        });
    }

    @Override
    public List<Info> list() {
        return StoredSandboxes.guarded(() -> {
            SnapshotStore store = store();
            List<Info> infos = new ArrayList<>();
            for (String name : store.names()) {
                infos.add(info(store, name, store.find(name)));
            }
            return infos;
        });
    }

    private static Info info(SnapshotStore store, String name, Snapshot snapshot) throws IOException {
        return new Info(
                name,
                snapshot.spec().root() instanceof Root.Image image ? image.reference() : "",
                snapshot.machine().memory(),
                store.size(name),
                snapshot.halted(),
                snapshot.created());
    }

    @Override
    public void remove(String name) {
        StoredSandboxes.guarded(() -> {
            store().remove(name);
            return name;
        });
    }
}
