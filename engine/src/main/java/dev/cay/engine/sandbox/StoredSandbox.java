package dev.cay.engine.sandbox;

import dev.cay.BootStep;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.Usage;
import dev.cay.engine.container.Container;
import dev.cay.engine.microvm.Guest;
import dev.cay.engine.state.Event;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.engine.state.Executions;
import dev.cay.linux.Errno;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A sandbox that this process has taken up by what is written of it: one that outlives whoever made it, or one that ends with
 * another process, whose own commands are that one's alone.
 */
final class StoredSandbox implements Sandbox {
    private static final int LOG_PIECE = 64 << 20;
    private static final ExecSpec NO_COMMAND = ExecSpec.of("/");
    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** For how long a command may be on its way from being written down to being started. */
    private static final long STARTING_NANOSECONDS = 1_000_000_000L;

    /** For how long a sandbox may take to end after its command; a machine switches itself off. */
    private static final long ENDING_NANOSECONDS = 1_000_000_000L;

    private static final long MACHINE_ENDING_NANOSECONDS = 10 * ENDING_NANOSECONDS;

    private final StoredSandboxes sandboxes;
    private final String id;
    private final SandboxSpec spec;
    private final ReentrantLock lock = new ReentrantLock();
    private Optional<Grip> connected;
    private boolean closed;

    /** Whether the sandbox ends now, since its own command has. */
    private volatile boolean ending;

    StoredSandbox(StoredSandboxes sandboxes, String id, SandboxSpec spec, Optional<Grip> connected) {
        this.sandboxes = sandboxes;
        this.id = id;
        this.spec = spec;
        this.connected = connected;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public SandboxInfo info() {
        return sandboxes.info(id);
    }

    /** Its guest, if it is a microVM. */
    Optional<Guest> guest() {
        return grip() instanceof GuestGrip machine ? Optional.of(machine.guest()) : Optional.empty();
    }

    /** What it is, if it is not a microVM. */
    Container container() {
        return ((ContainerGrip) grip()).container();
    }

    /** Connected with the first process when that is first needed: what is written can be read without. */
    private Grip grip() {
        lock.lock();
        try {
            if (closed) {
                throw new SandboxException.Closed("the sandbox " + id + " has been let go of");
            }
            if (connected.isEmpty()) {
                connected = Optional.of(sandboxes.connect(id));
            }
            return connected.get();
        } finally {
            lock.unlock();
        }
    }

    /** What fails because somebody has removed the sandbox meanwhile is told as that. */
    private <T> T guarded(StoredSandboxes.Action<T> action) {
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

    private boolean isAttached() {
        return !spec.lifetime().detached();
    }

    /** Whether a number is that of a command whose streams are the owner's, so that nothing of them is kept. */
    private boolean isOwners(int execution) {
        return isAttached() && execution == Executions.OWN;
    }

    private void requireKept(int execution) {
        if (isOwners(execution)) {
            throw new SandboxException.Unsupported(
                    "the streams of this command are those of the process that made the sandbox " + id
                            + ", and nothing of them is kept",
                    "make the sandbox detached, or run a command of your own in it");
        }
    }

    private OwnersCommands ownersCommands() throws IOException {
        return sandboxes.ownersCommands(grip());
    }

    @Override
    public List<BootStep> boot() {
        return sandboxes.boot(id);
    }

    @Override
    public Execution start() {
        return guarded(() -> {
            requireGoing();
            ExecSpec command = spec.command().orElse(NO_COMMAND); // which the life cycle refuses
            Grip grip = grip();
            Started started = sandboxes.store().locked(id, () -> {
                int generation = StoredSandboxes.started(sandboxes.happen(id, new Event.StartRequested()));
                return new Started(generation, begin(Executions.OWN, command));
            });
            Execution execution = launch(
                    grip, Executions.OWN, command, started.record(), exit -> ownEnded(started.generation(), exit));
            if (execution instanceof DetachableExecution) {
                sandboxes.happen(id, new Event.CommandStarted(started.generation()));
            }
            return execution;
        });
    }

    /** A start that is written down together with its record, so that nobody takes the record of the one before for it. */
    private record Started(int generation, ExecutionRecord record) {}

    private void ownEnded(int generation, Exit exit) {
        try {
            sandboxes.happen(id, new Event.CommandEnded(generation, exit));
        } catch (SandboxException.NotFound e) {
            // the sandbox has been removed meanwhile
        } catch (IOException e) {
            throw new SandboxException.HostFailed("the state of the sandbox " + id + ": " + e.getMessage(), "", e);
        }
    }

    @Override
    public Execution start(ExecSpec command) {
        return guarded(() -> {
            requireGoing();
            Grip grip = grip();
            int number = sandboxes.store().nextExecution(id);
            ExecutionRecord record = sandboxes.store().locked(id, () -> begin(number, command));
            return launch(grip, number, command, record, exit -> {});
        });
    }

    @Override
    public void pause() {
        guarded(() -> pausing().change(true));
    }

    @Override
    public void resume() {
        guarded(() -> pausing().change(false));
    }

    private Pausing pausing() {
        return new Pausing(sandboxes, id, this::grip);
    }

    /** Whether it is a microVM. */
    private boolean isMachine() {
        return spec.isolation() == Isolation.MICROVM;
    }

    /** Brings what is known here of a command up to date. */
    private void refresh(int execution) throws IOException {
        if (isMachine() && !sandboxes.store().isPaused(id) && !isDead()) {
            grip().refresh(execution);
        }
    }

    private void requireGoing() {
        if (sandboxes.store().isPaused(id)) {
            throw new SandboxException.Conflict("the sandbox " + id + " is paused", "let it go on: cay resume " + id);
        }
    }

    private ExecutionRecord begin(int number, ExecSpec command) throws IOException {
        return executionFiles()
                .begin(number, command, command.user().or(spec::user).orElse(SandboxSpec.DEFAULT_USER), Instant.now());
    }

    private Execution launch(Grip grip, int number, ExecSpec command, ExecutionRecord record, Consumer<Exit> onEnd)
            throws IOException {
        try {
            KeptExecution kept = grip.start(number, command, record);
            return new DetachableExecution(
                    grip,
                    kept,
                    new DetachableExecution.Settings(
                            true,
                            command.terminal().isPresent(),
                            command.accounted(),
                            new byte[0],
                            new byte[0],
                            (exit, used) -> ended(grip, number, exit, used, onEnd)));
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
    private void ended(Grip grip, int number, Exit exit, Optional<ExecutionUsage> used, Consumer<Exit> onEnd) {
        ending |= number == Executions.OWN && spec.lifetime().removedAtEnd();
        try {
            guarded(() -> {
                if (isMachine()) {
                    grip.refresh(number);
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
        grip.forget(number);
        onEnd.accept(exit);
    }

    @Override
    public ExecResult exec(ExecSpec command) {
        try (Execution execution = start(command)) {
            return StreamCapture.run(execution, command);
        }
    }

    @Override
    public List<ExecutionInfo> executions() {
        return guarded(() -> {
            for (ExecutionInfo execution : isMachine() ? executionFiles().list(false) : List.<ExecutionInfo>of()) {
                if (execution.exit().isEmpty()) {
                    refresh(execution.id());
                }
            }
            List<ExecutionInfo> list = executionFiles().list(isDead());
            if (!isAttached()
                    || spec.command().isEmpty()
                    || isDead()
                    || isMachine() && sandboxes.store().isPaused(id)) { // whom nobody can be asked of then
                return list;
            }
            List<ExecutionInfo> all =
                    new ArrayList<>(ownersCommands().own(spec, spec.command().orElse(NO_COMMAND), info().created()));
            all.addAll(list);
            return all;
        });
    }

    private boolean isDead() {
        return sandboxes.isDead(id);
    }

    @Override
    public Execution attach(int execution) {
        requireKept(execution);
        return guarded(() -> {
            ExecutionRecord record = executionFiles().record(execution);
            ExecutionInfo known = executionFiles().info(execution, isDead());
            if (known.exit().isPresent() && known.exit().get().reason() == Exit.Reason.SPAWN_FAILED) {
                return ended(execution, record, known.exit().get());
            }
            try {
                Grip grip = grip();
                KeptExecution kept = grip.attach(execution);
                grip.refresh(execution); // nothing more is written until somebody reads
                return new DetachableExecution(
                        grip,
                        kept,
                        new DetachableExecution.Settings(
                                true,
                                known.terminal(),
                                true,
                                before(record, OutputKind.STDOUT, kept.output().before()),
                                before(record, OutputKind.STDERR, kept.error().before()),
                                (exit, used) -> ended(grip, execution, exit, used, end -> {})));
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
        });
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
        return new EndedExecution(
                execution,
                exit,
                record.log(OutputKind.STDOUT, 0, LOG_PIECE).bytes(),
                record.log(OutputKind.STDERR, 0, LOG_PIECE).bytes(),
                executionFiles().usage(execution));
    }

    /** What it wrote up to a point, as far as it is kept; nothing is written meanwhile, since nobody has asked for it yet. */
    private static byte[] before(ExecutionRecord record, OutputKind kind, long until) throws IOException {
        OutputLog log = record.log(kind, 0, LOG_PIECE);
        int excess = Math.clamp(log.next() - until, 0, log.bytes().length);
        return java.util.Arrays.copyOf(log.bytes(), log.bytes().length - excess);
    }

    @Override
    public OutputLog log(int execution, OutputKind kind, long from) {
        requireKept(execution);
        return guarded(() -> {
            refresh(execution);
            return executionFiles().record(execution).log(kind, from, LOG_PIECE);
        });
    }

    /** {@inheritDoc} While its group is there that tells it: also after an end that nobody has seen. */
    @Override
    public Optional<ExecutionUsage> usage(int execution) {
        if (isOwners(execution)) {
            return Optional.empty();
        }
        return guarded(() -> {
            Optional<ExecutionUsage> written = executionFiles().usage(execution);
            return written.isPresent() || isDead() ? written : grip().usage(execution);
        });
    }

    @Override
    public Map<Integer, ExecutionUsage> usages() {
        return guarded(() -> {
            Map<Integer, ExecutionUsage> usages = new HashMap<>();
            List<Integer> unwritten = executionFiles().usages(usages);
            if (!unwritten.isEmpty()
                    && !isDead()
                    && !(isMachine() && sandboxes.store().isPaused(id))) {
                usages.putAll(grip().usages(unwritten));
            }
            return usages;
        });
    }

    @Override
    public void signal(int execution, int number) {
        guarded(() -> {
            if (number < 1 || number > DetachableExecution.MAXIMUM_SIGNAL) {
                throw new SandboxException.InvalidSpec("signal " + number + " does not exist", "1 to 64");
            }
            if (isOwners(execution)) {
                ownersCommands().signal(number);
                return id;
            }
            executionFiles().record(execution);
            if (isRunning(execution)) {
                grip().signal(execution, number);
            }
            return id;
        });
    }

    @Override
    public SandboxFiles files() {
        return grip().files();
    }

    @Override
    public Usage usage() {
        return isMachine()
                ? sandboxes.usage(id)
                : ((ContainerGrip) grip()).container().usage();
    }

    @Override
    public void stop(Duration grace) {
        if (sandboxes.store().isPaused(id)) {
            resume(); // what is halted cannot do what it is asked to
        }
        if (isAttached()) {
            guarded(() -> {
                ownersCommands().stop(spec.stopSignal().orElse(Processes.SIGTERM), grace);
                return id;
            });
            return;
        }
        try {
            stopCommands(grace);
        } catch (SandboxException.NotFound | SandboxException.Closed e) {
            if (!spec.lifetime().removedAtEnd()) { // else it ended with its command
                throw e;
            }
        }
    }

    private void stopCommands(Duration grace) {
        guarded(() -> {
            OptionalInt stopped = new Stopping(executionFiles(), this::grip, this::isDead)
                    .run(
                            sandboxes.happen(id, new Event.StopRequested(grace)),
                            spec.stopSignal().orElse(Processes.SIGTERM));
            info(); // tells of the end of its own command
            if (stopped.isPresent()) {
                sandboxes.happen(id, new Event.Stopped(stopped.getAsInt()));
            }
            return id;
        });
    }

    private boolean isRunning(int execution) throws IOException {
        refresh(execution);
        return executionFiles().info(execution, isDead()).exit().isEmpty();
    }

    @Override
    public void remove() {
        sandboxes.remove(id);
        close();
    }

    /** Lets go of it. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            connected.ifPresent(Grip::letGo);
            connected = Optional.empty();
        } finally {
            lock.unlock();
        }
        sandboxes.left(this);
        if (ending) {
            sandboxes.awaitEnd(id, isMachine() ? MACHINE_ENDING_NANOSECONDS : ENDING_NANOSECONDS);
        }
    }
}
