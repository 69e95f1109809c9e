package dev.cay.engine.sandbox;

import dev.cay.engine.state.Effect;
import dev.cay.engine.state.SandboxRecord;
import dev.cay.engine.state.SandboxStore;
import java.io.IOException;
import java.time.Instant;
import java.util.List;

/**
 * How what follows from an event is done to a sandbox.
 *
 * @param by who takes apart what it has
 * @param record as it was before the event
 * @param killer kills all that runs in it
 * @param left gets what concerns its commands, which is for whoever starts and stops those
 */
record EffectMeans(SandboxStore store, Host by, SandboxRecord record, Killer killer, List<Effect> left)
        implements Effect.Means {
    @FunctionalInterface
    interface Killer {
        void kill() throws IOException;
    }

    @Override
    public void killEverything() throws IOException {
        killer.kill();
    }

    @Override
    public void runUndo() throws IOException {
        store.journal(record.id()).undoAll(by);
    }

    @Override
    public void deleteRecord() throws IOException {
        store.delete(record.id());
    }

    @Override
    public void publish(Effect.Publish publish) throws IOException {
        store.events().append(publish.event(Instant.now(), record));
    }

    @Override
    public void command(Effect effect) {
        left.add(effect);
    }
}
