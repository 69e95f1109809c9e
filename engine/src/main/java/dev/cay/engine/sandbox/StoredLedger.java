package dev.cay.engine.sandbox;

import dev.cay.engine.container.Ledger;
import dev.cay.engine.state.ProcessIdentity;
import dev.cay.engine.state.SandboxStore;
import dev.cay.engine.state.Undo;
import java.io.IOException;
import java.util.Optional;

/**
 * Writes down what a sandbox that is being made takes, before it is taken.
 *
 * @param whole whether the container is what the sandbox is for this machine, so that its record speaks of it
 */
record StoredLedger(SandboxStore store, String id, boolean whole) implements Ledger {
    StoredLedger(SandboxStore store, String id) {
        this(store, id, true);
    }

    @Override
    public void group(String name) throws IOException {
        store.journal(id).add(new Undo.RemoveCgroup(name));
        if (whole) {
            store.update(id, record -> record.cgroup(name));
        }
    }

    @Override
    public void ids() throws IOException {
        store.journal(id).add(new Undo.ReleaseIds());
    }

    @Override
    public void range(long firstId) throws IOException {
        if (whole) {
            store.update(id, record -> record.firstId(firstId));
        }
    }

    @Override
    public void firstProcess(long pid) throws IOException {
        Optional<ProcessIdentity> identity = ProcessIdentity.of(pid);
        if (identity.isPresent()) {
            store.journal(id).add(new Undo.KillProcess(identity.get()));
        }
    }

    @Override
    public void volume(String name) throws IOException {
        store.journal(id).add(new Undo.UnmountVolume(name, ""));
    }

    @Override
    public void network(String name) throws IOException {
        store.journal(id).add(new Undo.LeaveNetwork(name));
    }

    @Override
    public void image() throws IOException {
        store.journal(id).add(new Undo.ReleaseImage());
    }

    @Override
    public Ledger part() {
        return new StoredLedger(store, id, false);
    }
}
