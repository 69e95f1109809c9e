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
import dev.cay.linux.Processes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A sandbox that this process has taken up by what is written of it: one that outlives whoever made it, or one that ends with
 * another process, whose own commands are that one's alone.
 */
final class StoredSandbox implements Sandbox {
    static final int LOG_PIECE = 64 << 20;
    private static final ExecSpec NO_COMMAND = ExecSpec.of("/");
    /** For how long a sandbox may take to end after its command; a machine switches itself off. */
    private static final long ENDING_NANOSECONDS = 1_000_000_000L;

    private static final long MACHINE_ENDING_NANOSECONDS = 10 * ENDING_NANOSECONDS;

    private final StoredSandboxes sandboxes;
    private final String id;
    private final SandboxSpec spec;
    private final ReentrantLock lock = new ReentrantLock();
    private Optional<Grip> connected;
    private boolean closed;

    private final StoredCommands commands;

    StoredSandbox(StoredSandboxes sandboxes, String id, SandboxSpec spec, Optional<Grip> connected) {
        this.sandboxes = sandboxes;
        this.id = id;
        this.spec = spec;
        this.connected = connected;
        commands = new StoredCommands(sandboxes, id, spec, this::grip);
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

    private <T> T guarded(StoredSandboxes.Action<T> action) {
        return commands.guarded(action);
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
                return new Started(generation, commands.begin(Executions.OWN, command));
            });
            Execution execution = commands.launch(
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
            ExecutionRecord record = sandboxes.store().locked(id, () -> commands.begin(number, command));
            return commands.launch(grip, number, command, record, exit -> {});
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

    private void requireGoing() {
        if (sandboxes.store().isPaused(id)) {
            String name = spec.name().orElse(id);
            throw new SandboxException.Conflict(
                    "the sandbox " + name + " is paused", "let it go on: cay resume " + name);
        }
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
                    commands.refresh(execution.id());
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
        return guarded(() -> commands.attach(execution));
    }

    @Override
    public OutputLog log(int execution, OutputKind kind, long from) {
        requireKept(execution);
        return guarded(() -> {
            commands.refresh(execution);
            return executionFiles().record(execution).log(kind, from, LOG_PIECE);
        });
    }

    /** {@inheritDoc} While its group is there that tells it: also after an end that nobody has seen. */
    @Override
    public Optional<ExecutionUsage> usage(int execution) {
        if (isOwners(execution)) {
            return Optional.empty();
        }
        return guarded(() -> commands.usage(execution));
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
            for (int execution : unwritten) {
                commands.withProcess(execution, Optional.ofNullable(usages.get(execution)))
                        .ifPresent(usage -> usages.put(execution, usage));
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
            if (commands.isRunning(execution)) {
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
        if (commands.endsSandbox()) {
            sandboxes.awaitEnd(id, isMachine() ? MACHINE_ENDING_NANOSECONDS : ENDING_NANOSECONDS);
        }
    }
}
