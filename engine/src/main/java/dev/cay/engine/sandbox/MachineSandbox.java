package dev.cay.engine.sandbox;

import dev.cay.BootStep;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Usage;
import dev.cay.engine.microvm.MicroVm;
import dev.cay.engine.state.HostFailure;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** A sandbox made of a microVM, which ends with this process. */
final class MachineSandbox implements Sandbox, DetachableExecution.Keeper {
    private static final Duration MARGIN = Duration.ofSeconds(30);

    private final MicroVm machine;
    private final SandboxSpec spec;
    private final Instant created;
    private final Circumstances circumstances;
    private final Set<DetachableExecution> executions = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * What is around it.
     *
     * @param admission of other processes
     * @param turn by which nobody else keeps the microVM while something is done
     * @param onHalt gets to know, under true, that this process is about to halt it, under false, that it lets it go on
     * @param onClose is run when it has ended
     */
    record Circumstances(
            Timeouts timeouts, Admission admission, Turn turn, Consumer<Boolean> onHalt, Runnable onClose) {}

    /** Waits until nobody else keeps it, and lets nobody begin to before something has been done. */
    interface Turn {
        <T> T take(StoredSandboxes.Action<T> action) throws IOException;
    }

    MachineSandbox(MicroVm machine, SandboxSpec spec, Instant created, Circumstances circumstances) {
        this.machine = machine;
        this.created = created;
        this.spec = spec;
        this.circumstances = circumstances;
    }

    @Override
    public String id() {
        return machine.id();
    }

    @Override
    public Execution start(ExecSpec command) {
        requireOpen();
        try {
            KeptExecution kept = circumstances.turn().take(() -> machine.start(command));
            // The guest's first process keeps the time. One that does not is not in its right mind, and ends with its
            // machine.
            Optional<Timeouts.Timeout> guard = command.timeout()
                    .map(timeout -> circumstances
                            .timeouts()
                            .after(timeout.plus(command.grace()).plus(MARGIN), machine::kill));
            AtomicReference<Optional<DetachableExecution>> self = new AtomicReference<>(Optional.empty());
            // Nothing of what it writes is kept, so that nobody else can take it up.
            DetachableExecution execution = new DetachableExecution(
                    this,
                    kept,
                    new DetachableExecution.Settings(
                            false,
                            command.terminal().isPresent(),
                            command.accounted(),
                            new byte[0],
                            new byte[0],
                            (_, _) -> {
                                guard.ifPresent(Timeouts.Timeout::cancel);
                                machine.release(kept.number());
                                self.get().ifPresent(executions::remove);
                            }));
            self.set(Optional.of(execution));
            executions.add(execution);
            return execution;
        } catch (SyscallException e) {
            return EndedExecution.unstarted(Exit.spawnFailed(e.errno(), e.getMessage()));
        } catch (IOException e) {
            throw HostFailure.of("the state of a sandbox", "", e);
        }
    }

    @Override
    public ExecResult exec(ExecSpec command) {
        try (Execution execution = start(command)) {
            return StreamCapture.run(execution, command);
        }
    }

    @Override
    public void kill(int number) {
        machine.kill(number);
    }

    @Override
    public boolean ranOutOfMemory() {
        return machine.ranOutOfMemory();
    }

    @Override
    public Usage usage() {
        requireOpen();
        return machine.usage();
    }

    @Override
    public SandboxInfo info() {
        requireOpen();
        return new SandboxInfo(
                id(),
                machine.isAlive() ? SandboxState.RUNNING : SandboxState.DEAD,
                spec,
                created,
                Optional.of(machine.pid()),
                Optional.empty(),
                machine.isPaused(),
                Optional.of(machine.info()));
    }

    @Override
    public List<BootStep> boot() {
        return machine.boot();
    }

    @Override
    public Duration ping() {
        requireOpen();
        return machine.ping();
    }

    @Override
    public void pause() {
        requireOpen();
        StoredSandboxes.guarded(() -> circumstances.turn().take(() -> {
            machine.pause();
            circumstances.onHalt().accept(true);
            return true;
        }));
    }

    @Override
    public void resume() {
        requireOpen();
        machine.resume();
        circumstances.onHalt().accept(false);
    }

    @Override
    public Execution start() {
        return start(spec.command()
                .orElseThrow(() -> new SandboxException.Conflict(
                        "the sandbox " + id() + " has no command of its own", "name one when you make it")));
    }

    @Override
    public List<ExecutionInfo> executions() {
        return List.of();
    }

    @Override
    public Execution attach(int execution) {
        throw notKept(execution);
    }

    @Override
    public OutputLog log(int execution, OutputKind kind, long from) {
        throw notKept(execution);
    }

    @Override
    public void signal(int execution, int number) {
        throw notKept(execution);
    }

    @Override
    public Optional<ExecutionUsage> usage(int execution) {
        return machine.usage(execution);
    }

    private static SandboxException notKept(int execution) {
        return new SandboxException.NotFound(
                "there is no execution " + execution + " that could be taken up", "a microVM keeps none yet");
    }

    @Override
    public SandboxFiles files() {
        requireOpen();
        return machine.files();
    }

    @Override
    public void stop(Duration grace) {
        requireOpen();
        List<DetachableExecution> running = List.copyOf(executions);
        running.forEach(execution -> execution.signal(spec.stopSignal().orElse(Processes.SIGTERM)));
        long deadline = System.nanoTime() + Math.min(grace.toNanos(), Long.MAX_VALUE / 2);
        for (DetachableExecution execution : running) {
            if (execution.await(deadline).isEmpty()) {
                execution.kill();
            }
        }
    }

    MicroVm machine() {
        requireOpen();
        return machine;
    }

    /**
     * Sets the guest's clock.
     *
     * @throws SandboxException.InvalidSpec if it is a time that cannot be now
     */
    void setClock(InstantSource time) {
        requireOpen();
        machine.setClock(time);
    }

    /** See {@link MicroVm#freeze}. */
    List<String> freeze(boolean frozen) {
        requireOpen();
        return frozen ? machine.freeze() : machine.thaw();
    }

    private void requireOpen() {
        if (closed.get()) {
            throw new SandboxException.Closed("the sandbox " + id() + " is closed");
        }
    }

    @Override
    public void remove() {
        close();
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            circumstances.admission().end();
            try {
                machine.close();
                circumstances.admission().await();
            } finally {
                circumstances.onClose().run();
            }
        }
    }
}
