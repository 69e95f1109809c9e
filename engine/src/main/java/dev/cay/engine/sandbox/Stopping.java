package dev.cay.engine.sandbox;

import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.engine.state.Effect;
import dev.cay.engine.state.Executions;
import dev.cay.linux.Processes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The end of all that runs in a sandbox that goes on.
 *
 * @param executions what is written of it
 * @param grip asked for only if there is something to be ended
 * @param dead whether the sandbox is, and with it everything in it
 */
record Stopping(Executions executions, Supplier<Grip> grip, BooleanSupplier dead) {
    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** For how long a killed process may take to be seen dead. */
    private static final long PATIENCE_NANOSECONDS = 5_000_000_000L;

    /**
     * Does what a stop brings about.
     *
     * @return which start of its own command it is that has been stopped; empty if there was nothing that could be
     */
    OptionalInt run(List<Effect> effects, int signal) throws IOException {
        OptionalInt stopped = OptionalInt.empty();
        for (Effect effect : effects) {
            if (effect instanceof Effect.TerminateCommand terminate) { // no pattern switch: see Undo
                terminate(terminate.grace(), signal);
            } else if (effect instanceof Effect.KillCommands kill) {
                kill();
                stopped = OptionalInt.of(kill.generation());
            } else {
                throw new IllegalStateException("not for a stop: " + effect);
            }
        }
        return stopped;
    }

    private void terminate(Duration grace, int signal) throws IOException {
        long deadline = System.nanoTime() + Math.min(grace.toNanos(), Long.MAX_VALUE / 2);
        grip.get().signal(Executions.OWN, signal);
        while (isRunning(Executions.OWN) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
    }

    private boolean isRunning(int execution) throws IOException {
        if (!dead.getAsBoolean()) {
            grip.get().refresh(execution);
        }
        return executions.info(execution, dead.getAsBoolean()).exit().isEmpty();
    }

    private void kill() throws IOException {
        Grip held = grip.get();
        for (ExecutionInfo execution : executions.list(false)) {
            held.refresh(execution.id());
            held.kill(execution.id()); // descendants of one that has ended too
        }
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        List<ExecutionInfo> stuck = new ArrayList<>();
        for (ExecutionInfo execution : executions.list(false)) {
            while (isRunning(execution.id()) && execution.pid() != 0 && System.nanoTime() < deadline) {
                LockSupport.parkNanos(LOOK_NANOSECONDS);
            }
            if (execution.pid() != 0 && isRunning(execution.id())) {
                stuck.add(execution);
                continue;
            }
            if (isRunning(execution.id())) { // whoever began to start it did not come to its end
                executions.ended(
                        execution.id(), Exit.signalled(Exit.Reason.KILLED, Processes.SIGKILL), Optional.empty());
            }
            held.forget(execution.id());
        }
        if (!stuck.isEmpty()) {
            throw doesNotEnd("command " + stuck.getFirst().id());
        }
    }

    /** What has been killed and lives: the kernel lets it wait for something outside that does not answer, and ends it when that does. */
    static SandboxException doesNotEnd(String what) {
        return new SandboxException.HostFailed(
                what
                        + " has been killed and does not end: a process waits in the kernel, as for a file system that does not"
                        + " answer",
                "it ends when that answers or is unmounted; then 'cay sweep' removes what is left",
                null);
    }
}
