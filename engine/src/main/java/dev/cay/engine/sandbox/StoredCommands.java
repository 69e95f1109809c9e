package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.CommandUsage;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.engine.state.Executions;
import dev.cay.linux.Errno;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Processes;
import dev.cay.linux.ResourceUsage;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The commands of a sandbox that this process has taken up: how they are started and taken up again, and how it is written down how they
 * ended. Thread-safe.
 */
final class StoredCommands {
    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** For how long a command may be on its way from being written down to being started. */
    private static final long STARTING_NANOSECONDS = 1_000_000_000L;

    private final StoredSandboxes sandboxes;
    private final String id;
    private final SandboxSpec spec;
    private final Supplier<Grip> grip;
    private volatile boolean ending;

    /** @param grip connects with the first process when that is first needed */
    StoredCommands(StoredSandboxes sandboxes, String id, SandboxSpec spec, Supplier<Grip> grip) {
        this.sandboxes = sandboxes;
        this.id = id;
        this.spec = spec;
        this.grip = grip;
    }

    /** Whether the sandbox ends now, since its own command has. */
    boolean endsSandbox() {
        return ending;
    }

    /** What fails because somebody has removed the sandbox meanwhile is told as that. */
    <T> T guarded(StoredSandboxes.Action<T> action) {
        try {
            return StoredSandboxes.guarded(action);
        } catch (SandboxException.HostFailed e) {
            if (sandboxes.store().exists(id)) {
                throw e;
            }
            throw new SandboxException.NotFound("the sandbox " + id + " has been removed", "make a new one");
        }
    }

    private Executions executionFiles() {
        return sandboxes.store().executions(id);
    }

    private boolean isMachine() {
        return spec.isolation() == Isolation.MICROVM;
    }

    private boolean isDead() {
        return sandboxes.isDead(id);
    }

    /** Brings what is known here of a command up to date. */
    void refresh(int execution) throws IOException {
        if (isMachine() && !sandboxes.store().isPaused(id) && !isDead()) {
            grip.get().refresh(execution);
        }
    }

    boolean isRunning(int execution) throws IOException {
        refresh(execution);
        return executionFiles().info(execution, isDead()).exit().isEmpty();
    }

    /** Writes one down that is about to be started. */
    ExecutionRecord begin(int number, ExecSpec command) throws IOException {
        return executionFiles()
                .begin(number, command, command.user().or(spec::user).orElse(SandboxSpec.DEFAULT_USER), Instant.now());
    }

    /** Starts one that has been written down. */
    Execution launch(Grip entered, int number, ExecSpec command, ExecutionRecord record, Consumer<Exit> onEnd)
            throws IOException {
        try {
            KeptExecution kept = entered.start(number, command, record);
            return new DetachableExecution(
                    entered,
                    kept,
                    new DetachableExecution.Settings(
                            true,
                            command.terminal().isPresent(),
                            command.accounted(),
                            new byte[0],
                            new byte[0],
                            (exit, used) -> ended(entered, number, exit, used, onEnd)));
        } catch (SyscallException e) {
            Exit exit = Exit.spawnFailed(e.errno(), e.getMessage());
            neverStarted(number, exit, onEnd);
            if (number == Executions.OWN && spec.lifetime().removedAtEnd()) {
                sandboxes.remove(id);
            }
            return EndedExecution.unstarted(number, exit);
        } catch (RuntimeException e) {
            neverStarted(number, Exit.spawnFailed(Errno.EIO.number(), String.valueOf(e.getMessage())), onEnd);
            throw e;
        }
    }

    private void neverStarted(int number, Exit exit, Consumer<Exit> onEnd) throws IOException {
        sandboxes.store().locked(id, () -> {
            executionFiles().ended(number, exit, Optional.empty());
            return id;
        });
        onEnd.accept(exit);
    }

    /**
     * Why a command was killed is known to whoever did it, what it has used is gone with its group; the rest is in its record, as long
     * as there is a guest that has it.
     */
    private void ended(Grip entered, int number, Exit exit, Optional<ExecutionUsage> used, Consumer<Exit> onEnd) {
        ending |= number == Executions.OWN && spec.lifetime().removedAtEnd();
        try {
            guarded(() -> {
                if (isMachine()) {
                    entered.refresh(number);
                }
                if (isMachine()
                        || exit.reason() == Exit.Reason.KILLED
                        || exit.reason() == Exit.Reason.OOM
                        || used.isPresent()) {
                    sandboxes.store().locked(id, () -> {
                        executionFiles().ended(number, exit, used);
                        return id;
                    });
                }
                return id;
            });
        } catch (SandboxException.NotFound e) {
            // the sandbox has been removed meanwhile, and with it what was written of the command
        }
        entered.forget(number);
        onEnd.accept(exit);
    }

    /** Takes one up, or says how it ended. */
    Execution attach(int execution) throws IOException {
        ExecutionRecord record = executionFiles().record(execution);
        ExecutionInfo known = executionFiles().info(execution, isDead());
        if (known.exit().isPresent() && known.exit().get().reason() == Exit.Reason.SPAWN_FAILED) {
            return ended(execution, record, known.exit().get());
        }
        try {
            Grip entered = grip.get();
            KeptExecution kept = entered.attach(execution);
            entered.refresh(execution); // nothing more is written until somebody reads
            return new DetachableExecution(
                    entered,
                    kept,
                    new DetachableExecution.Settings(
                            true,
                            known.terminal(),
                            true,
                            before(record, OutputKind.STDOUT, kept.output().before()),
                            before(record, OutputKind.STDERR, kept.error().before()),
                            (exit, used) -> ended(entered, execution, exit, used, end -> {})));
        } catch (SandboxException.Closed e) {
            return ended(
                    execution,
                    record,
                    executionFiles().info(execution, true).exit().orElseThrow());
        } catch (SyscallException e) {
            if (!e.is(Errno.ESRCH)) {
                throw e;
            }
            return ended(execution, record, exitOf(execution));
        }
    }

    /** How a command ended that the first process knows nothing of: if it was never told of it, whoever began to start it died. */
    private Exit exitOf(int execution) throws IOException {
        long deadline = System.nanoTime() + STARTING_NANOSECONDS;
        while (isRunning(execution) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
        if (isRunning(execution)) {
            neverStarted(execution, Exit.signalled(Exit.Reason.KILLED, Processes.SIGKILL), exit -> {});
        }
        return executionFiles().info(execution, true).exit().orElseThrow();
    }

    private Execution ended(int execution, ExecutionRecord record, Exit exit) throws IOException {
        Optional<ExecutionUsage> written = executionFiles().usage(execution);
        return new EndedExecution(
                execution,
                exit,
                record.log(OutputKind.STDOUT, 0, StoredSandbox.LOG_PIECE).bytes(),
                record.log(OutputKind.STDERR, 0, StoredSandbox.LOG_PIECE).bytes(),
                written.isPresent() ? written : withProcess(execution, Optional.empty()));
    }

    /** What one has used: as it is written, or as its group tells while that is there; its own process by its record. */
    Optional<ExecutionUsage> usage(int execution) throws IOException {
        Optional<ExecutionUsage> written = executionFiles().usage(execution);
        return written.isPresent()
                ? written
                : withProcess(
                        execution, isDead() ? Optional.empty() : grip.get().usage(execution));
    }

    /** @param group what that has used; empty if nobody knows */
    Optional<ExecutionUsage> withProcess(int execution, Optional<ExecutionUsage> group) throws IOException {
        Optional<ResourceUsage> process = executionFiles().has(execution)
                ? executionFiles().record(execution).header().used()
                : Optional.empty(); // it has just been forgotten
        return group.isPresent()
                ? Optional.of(CommandUsage.with(group.get(), process))
                : process.map(CommandUsage::alone);
    }

    /** What it wrote up to a point, as far as it is kept; nothing is written meanwhile, since nobody has asked for it yet. */
    private static byte[] before(ExecutionRecord record, OutputKind kind, long until) throws IOException {
        OutputLog log = record.log(kind, 0, StoredSandbox.LOG_PIECE);
        int excess = Math.clamp(log.next() - until, 0, log.bytes().length);
        return java.util.Arrays.copyOf(log.bytes(), log.bytes().length - excess);
    }
}
