package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.engine.microvm.Guest;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.engine.state.Executions;
import dev.cay.engine.state.SandboxStore;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * That of a microVM which outlives its maker: its records are in the guest, and brought over when somebody wants to read them.
 *
 * @param onClose is run when it is let go of
 */
record GuestGrip(SandboxStore store, String id, Guest guest, Runnable onClose) implements Grip {
    /** After so many commands the guest is told to forget what nobody reads any more. */
    private static final int TIDY = 16;

    @Override
    public KeptExecution start(int number, ExecSpec command, ExecutionRecord record) throws IOException {
        if (number % TIDY == 0) {
            Executions executions = store.executions(id);
            guest.forget(one -> one != number && !executions.has(one));
        }
        return guest.start(number, command, record.ring());
    }

    @Override
    public KeptExecution attach(int number) throws SyscallException {
        return guest.attach(number);
    }

    @Override
    public void signal(int number, int signal) throws SyscallException {
        guest.signal(number, signal);
    }

    @Override
    public void kill(int number) {
        try {
            guest.kill(number);
        } catch (SyscallException e) {
            if (!guest.isGone()) {
                throw new SandboxException.HostFailed("cannot kill a command: " + e.getMessage(), "", e);
            }
        }
    }

    @Override
    public Map<Integer, ExecutionUsage> usages(List<Integer> numbers) {
        try {
            return guest.isGone() ? Map.of() : guest.usages(numbers);
        } catch (SyscallException e) {
            return Map.of(); // it has just ended
        }
    }

    @Override
    public boolean ranOutOfMemory() {
        try {
            return !guest.isGone() && guest.ranOutOfMemory();
        } catch (SyscallException e) {
            return false; // it has just ended, which is told as that
        }
    }

    @Override
    public void forget(int number) {
        guest.release(number); // its record others may want to read
    }

    @Override
    public void refresh(int number) throws IOException {
        try {
            store.executions(id)
                    .record(number)
                    .bring(
                            guest.record(number),
                            change -> store.locked(id, () -> {
                                change.make();
                                return id;
                            }));
        } catch (SyscallException e) {
            if (!guest.isGone()) { // else what is here is all there will ever be
                throw e;
            }
        }
    }

    @Override
    public SandboxFiles files() {
        return StoredSandboxes.guarded(guest::files);
    }

    @Override
    public void letGo() {
        onClose.run();
        guest.close();
    }
}
