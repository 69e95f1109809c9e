package dev.cay.engine.sandbox;

import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Snapshots;
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

/** The snapshots of this machine, taken of microVMs of this process. Thread-safe. */
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
        MachineSandbox machine = require(sandbox);
        SnapshotStore store = store();
        store.requireNew(name);
        return StoredSandboxes.guarded(() -> {
            try (SnapshotStore.Draft draft = store.draft()) {
                Snapshot snapshot = machines.keep(machine, draft);
                draft.keep(name, snapshot);
                return info(store, name, snapshot);
            }
        });
    }

    /** Of what is no microVM of this process nobody here could keep anything. */
    private static MachineSandbox require(Sandbox sandbox) {
        if (sandbox instanceof MachineSandbox machine) {
            return machine;
        }
        throw switch (sandbox.info().spec().isolation()) {
            case CONTAINER ->
                new SandboxException.Unsupported(
                        "the sandbox " + sandbox.id()
                                + " is a container: its processes are the host's kernel's, which keeps none for later",
                        "make a microVM (--isolation microvm), or keep its files: cay commit");
            case MICROVM ->
                new SandboxException.Unsupported(
                        "the microVM " + sandbox.id()
                                + " is no sandbox of this process: only the process that made one can"
                                + " keep it, as long as that is not detached",
                        "have that process do it, by Sandboxes.snapshots(), or see: cay help template");
        };
    }

    @Override
    public Sandbox restore(String snapshot, Optional<String> name) {
        return StoredSandboxes.guarded(() -> {
            SnapshotStore store = store();
            Snapshot found = store.find(snapshot);
            Past past = new Past(snapshot, found, store.machine(snapshot));
            return machines.restore(found.spec().withName(name), past, store.changes(snapshot));
        });
    }

    @Override
    public Sandbox fork(Sandbox sandbox, Optional<String> name) {
        MachineSandbox machine = require(sandbox);
        return StoredSandboxes.guarded(() -> {
            try (SnapshotStore.Draft draft = store().draft()) {
                Snapshot snapshot = machines.keep(machine, draft);
                Past past = new Past(machine.id(), snapshot, draft.machine());
                return machines.restore(snapshot.spec().withName(name), past, draft.copiedChanges());
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
