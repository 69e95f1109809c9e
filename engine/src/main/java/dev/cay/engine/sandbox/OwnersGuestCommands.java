package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ExecutionInfo;
import dev.cay.SandboxSpec;
import dev.cay.engine.microvm.Guest;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** Those of a microVM: as its first process, which keeps them, tells them apart by their numbers. */
record OwnersGuestCommands(Guest guest) implements OwnersCommands {
    private static final long LOOK_NANOSECONDS = 10_000_000;

    /** For how long a killed process may take to be seen dead. */
    private static final long PATIENCE_NANOSECONDS = 5_000_000_000L;

    @Override
    public List<ExecutionInfo> own(SandboxSpec spec, ExecSpec command, Instant started) throws IOException {
        List<Stub.Alive> owners = guest.ofMaker();
        return owners.subList(0, Math.min(1, owners.size())).stream()
                .map(own -> OwnersCommands.told(spec, command, own.pid(), started))
                .toList();
    }

    @Override
    public void signal(int number) throws IOException {
        List<Stub.Alive> owners = guest.ofMaker();
        if (!owners.isEmpty()) {
            guest.signal(owners.getFirst().number(), number);
        }
    }

    @Override
    public void stop(int signal, Duration grace) throws IOException {
        List<Stub.Alive> asked = guest.ofMaker();
        for (Stub.Alive one : asked) {
            guest.signal(one.number(), signal);
        }
        awaitEnd(asked, Math.min(grace.toNanos(), Long.MAX_VALUE / 2));
        List<Stub.Alive> killed = guest.commands();
        for (Stub.Alive one : killed) {
            guest.kill(one.number());
        }
        awaitEnd(killed, PATIENCE_NANOSECONDS);
    }

    /** Waits for the end of all, for so long at the most. */
    private void awaitEnd(List<Stub.Alive> processes, long nanoseconds) throws IOException {
        long deadline = System.nanoTime() + nanoseconds;
        while (guest.commands().stream().anyMatch(processes::contains) && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
    }
}
