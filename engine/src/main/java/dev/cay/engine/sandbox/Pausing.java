package dev.cay.engine.sandbox;

import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.engine.state.SandboxRecord;
import java.io.IOException;
import java.time.Instant;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * Halts all that runs in a sandbox, or lets it go on. What is written is what is to be: if whoever writes it is killed before it is
 * so, the other command mends it.
 *
 * @param grip of a container
 */
record Pausing(StoredSandboxes sandboxes, String id, Supplier<Grip> grip) {
    String change(boolean pause) throws IOException {
        return sandboxes.store().locked(id, () -> {
            if (sandboxes.store().isPaused(id) == pause) {
                String name = sandboxes.store().read(id).name();
                throw new SandboxException.Conflict(
                        "the sandbox " + name + (pause ? " is paused already" : " is not paused"), "");
            }
            if (pause) {
                sandboxes.store().setPaused(id, true);
                try {
                    freeze(true);
                } catch (IOException | RuntimeException e) {
                    sandboxes.store().setPaused(id, false);
                    throw e;
                }
            } else {
                freeze(false);
                sandboxes.store().setPaused(id, false);
            }
            tell(pause ? SandboxEvent.Kind.PAUSED : SandboxEvent.Kind.RESUMED);
            return id;
        });
    }

    private void tell(SandboxEvent.Kind kind) throws IOException {
        String name = sandboxes.store().read(id).name();
        sandboxes.store().events().append(new SandboxEvent(Instant.now(), id, name, kind, OptionalInt.empty(), ""));
    }

    private void freeze(boolean frozen) throws IOException {
        SandboxRecord record = sandboxes.store().read(id);
        if (StoredMachines.has(record)) {
            sandboxes.machines().freeze(record, frozen);
        } else {
            ((ContainerGrip) grip.get()).container().freeze(frozen);
        }
    }
}
