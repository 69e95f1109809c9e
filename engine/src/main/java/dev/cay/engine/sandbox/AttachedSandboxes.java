package dev.cay.engine.sandbox;

import dev.cay.BootStep;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.state.ProcessIdentity;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;

/** What is written of sandboxes that end with this process, for others to see. Thread-safe. */
record AttachedSandboxes(Containers containers, SandboxStore store) {
    /** Tells others of a sandbox that ends with this process, and lets them in. */
    void publish(Container container, SandboxSpec spec, Instant created) {
        StoredSandboxes.guarded(() -> {
            SandboxRecord record = SandboxRecord.attached(
                    container.id(),
                    spec,
                    created,
                    StoredSandboxes.identity(container.first()),
                    containers.engine(),
                    container.firstId());
            store.create(record, directory -> containers.admit(container, SandboxStore.socket(directory)));
            try {
                announce(record.id(), record.name(), SandboxEvent.Kind.CREATED);
            } catch (IOException e) {
                store.delete(record.id());
                throw e;
            }
            return record;
        });
    }

    /** Writes down that a microVM is being made, which ends with this process. */
    void begin(String id, SandboxSpec spec, Instant created) {
        StoredSandboxes.guarded(() -> {
            store.create(SandboxRecord.creating(id, spec, created, containers.engine()));
            return id;
        });
    }

    /** Tells others of a microVM of this process. Its first process is that which it lives and ends with. */
    void made(String id, SandboxSpec spec, Instant created, long process, List<BootStep> steps) {
        StoredSandboxes.guarded(() -> {
            ProcessIdentity identity =
                    ProcessIdentity.of(process).orElseThrow(() -> new IOException("the machine has ended"));
            SandboxRecord record = SandboxRecord.attached(id, spec, created, identity, containers.engine(), 0);
            store.writeBoot(id, steps);
            store.update(id, _ -> record);
            announce(id, record.name(), SandboxEvent.Kind.CREATED);
            return id;
        });
    }

    /** Forgets a microVM that could not be made. */
    void abandon(String id) {
        StoredSandboxes.guarded(() -> {
            store.delete(id);
            return id;
        });
    }

    /**
     * Removes what is written of a sandbox that ends with this process: for whoever looks at once, the files in the background.
     */
    void withdraw(String id, SandboxSpec spec) {
        boolean here =
                StoredSandboxes.guarded(() -> store.withdraw(id, spec.name().isPresent()));
        if (here) { // else somebody has removed it, and told of that
            containers.inBackground(() -> forget(id, spec.name().orElse(id)));
        }
    }

    private void forget(String id, String name) {
        try {
            try {
                announce(id, name, SandboxEvent.Kind.REMOVED);
            } finally {
                store.clear(id);
            }
        } catch (IOException | SandboxException e) {
            System.getLogger(AttachedSandboxes.class.getName())
                    .log(System.Logger.Level.WARNING, "what was written of the sandbox " + id + " is still there", e);
        }
    }

    /** Tells others that something has happened to one of which they know. */
    void tell(String id, SandboxSpec spec, SandboxEvent.Kind kind) {
        StoredSandboxes.guarded(() -> {
            announce(id, spec.name().orElse(id), kind);
            return id;
        });
    }

    private void announce(String id, String name, SandboxEvent.Kind kind) throws IOException {
        store.events().append(new SandboxEvent(Instant.now(), id, name, kind, OptionalInt.empty(), ""));
    }
}
