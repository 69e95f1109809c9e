package dev.cay.engine.sandbox;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Usage;
import dev.cay.engine.container.Container;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Pipe;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** A sandbox made of a container. */
final class LocalSandbox implements Sandbox {
    /** Where a record goes that nobody reads. */
    private static final Path NOTHING = Path.of("/dev/null");

    /** Far more than a launch takes on a machine with too much to do. */
    private static final Duration LONGEST_LAUNCH = Duration.ofSeconds(30);

    private final String id;
    private final Container container;
    private final SandboxSpec spec;
    private final Publication publication;
    private final Timeouts timeouts;
    private final Runnable onClose;
    private final Set<LocalExecution> executions = ConcurrentHashMap.newKeySet();

    /** Read by whoever starts a command, written by who closes: no process is started that nobody would reap. */
    private final ReentrantReadWriteLock closing = new ReentrantReadWriteLock();

    /** Whether whatever ends now is ended by {@link #close}. */
    private volatile boolean ending;

    private volatile boolean closed;

    /** Whether this process has halted it; what another one does to it is not known here. */
    private final AtomicBoolean paused = new AtomicBoolean();

    LocalSandbox(Container container, SandboxSpec spec, Timeouts timeouts, Publication publication, Runnable onClose) {
        id = container.id();
        this.spec = spec;
        this.container = container;
        this.timeouts = timeouts;
        this.onClose = onClose;
        this.publication = publication;
    }

    /**
     * Tells the owner's other processes of it now.
     *
     * @throws SandboxException.Conflict if another sandbox has its name
     */
    void publish() {
        publication.publish();
    }

    /** The same after a moment, if it lives that long. */
    void publishLater() {
        publication.publishLater(timeouts);
    }

    Container container() {
        return container;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public Execution start(ExecSpec command) {
        try {
            return command.terminal().isPresent() ? launchInTerminal(command) : launch(command, false);
        } catch (SyscallException e) {
            requireLasting();
            return EndedExecution.unstarted(Exit.spawnFailed(e.errno(), e.getMessage()));
        }
    }

    @Override
    public ExecResult exec(ExecSpec command) {
        if (command.terminal().isPresent()) {
            try (Execution execution = start(command)) {
                return StreamCapture.run(execution, command);
            }
        }
        long began = System.nanoTime();
        try (LocalExecution execution = launch(command, true)) {
            Capture capture = new Capture(execution, command);
            Exit exit = capture.run();
            Duration duration = Duration.ofNanos(System.nanoTime() - began);
            return new ExecResult(
                    exit,
                    capture.stdout(),
                    capture.stderr(),
                    capture.truncated(),
                    duration,
                    command.accounted() ? execution.usage() : Optional.empty());
        } catch (SyscallException e) {
            requireLasting();
            Duration duration = Duration.ofNanos(System.nanoTime() - began);
            return new ExecResult(
                    Exit.spawnFailed(e.errno(), e.getMessage()),
                    new byte[0],
                    new byte[0],
                    false,
                    duration,
                    Optional.empty());
        }
    }

    @Override
    public void pause() {
        change(true);
    }

    @Override
    public void resume() {
        change(false);
    }

    private void change(boolean pause) {
        closing.readLock().lock();
        try {
            requireOpen();
            if (!paused.compareAndSet(!pause, pause)) {
                throw new SandboxException.Conflict(
                        "the sandbox " + id + (pause ? " is paused already" : " is not paused"), "");
            }
            try {
                container.freeze(pause);
            } catch (SandboxException e) {
                paused.set(!pause);
                throw e;
            }
            publication.tell(pause ? SandboxEvent.Kind.PAUSED : SandboxEvent.Kind.RESUMED);
        } finally {
            closing.readLock().unlock();
        }
    }

    private LocalExecution launch(ExecSpec command, boolean captured) throws SyscallException {
        closing.readLock().lock();
        try {
            requireGoing();
            LocalExecution execution = launchHere(command, captured);
            executions.add(execution);
            command.timeout().ifPresent(timeout -> execution.limit(timeout, command.grace()));
            return execution;
        } finally {
            closing.readLock().unlock();
        }
    }

    /** The first process has the terminal's other end, as it has in a sandbox that is detached; here nothing of it is kept. */
    private Execution launchInTerminal(ExecSpec command) throws SyscallException {
        closing.readLock().lock();
        try {
            requireGoing();
            int number = container.nextNumber();
            KeptExecution kept = container.startKept(number, command, NOTHING, 0, List.of());
            return new DetachableExecution(
                    container,
                    kept,
                    new DetachableExecution.Settings(
                            false, true, command.accounted(), new byte[0], new byte[0], (_, _) -> forget(number)));
        } finally {
            closing.readLock().unlock();
        }
    }

    private void forget(int number) {
        if (!ending) {
            container.forget(number);
        }
    }

    private LocalExecution launchHere(ExecSpec command, boolean captured) throws SyscallException {
        Pipes pipes = Pipes.open();
        try (Container.Launch launch = container.prepare()) {
            Timeouts.Guard limit = timeouts.guard(longestLaunch(command), launch::kill);
            try {
                Container.Process process = launch.start(command, pipes.theirs());
                LocalExecution execution = new LocalExecution(
                        container, process, pipes, timeouts, captured, () -> ending, executions::remove);
                if (!limit.cancel()) { // it has just begun, and is killed all the same
                    execution.markLate();
                }
                return execution;
            } finally {
                limit.cancel();
            }
        } catch (SyscallException | RuntimeException e) {
            pipes.close();
            throw e;
        }
    }

    /** A sandbox can stop a process that is joining it: nobody waits for that longer than this. */
    private static Duration longestLaunch(ExecSpec command) {
        return command.timeout()
                .map(timeout -> timeout.plus(command.grace()))
                .filter(timeout -> timeout.compareTo(LONGEST_LAUNCH) < 0)
                .orElse(LONGEST_LAUNCH);
    }

    /** What failed because the sandbox was being closed meanwhile is told as that. */
    private void requireLasting() {
        if (ending) {
            throw new SandboxException.Closed("the sandbox " + id + " is closed");
        }
    }

    private void requireGoing() {
        requireOpen();
        if (paused.get()) {
            throw new SandboxException.Conflict("the sandbox " + id + " is paused", "let it go on first");
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new SandboxException.Closed("the sandbox " + id + " is closed");
        }
    }

    @Override
    public Usage usage() {
        closing.readLock().lock();
        try {
            requireOpen();
            return container.usage();
        } finally {
            closing.readLock().unlock();
        }
    }

    @Override
    public void close() {
        ending = true;
        executions.forEach(LocalExecution::markKilled);
        if (!closing.writeLock().tryLock()) {
            container.kill(); // whoever hangs in a start that the sandbox holds up is set free by that
            closing.writeLock().lock();
        }
        try {
            if (closed) {
                return;
            }
            closed = true;
            executions.forEach(LocalExecution::markKilled);
            container.kill();
            long deadline = System.nanoTime() + Container.LONGEST_DEATH.toNanos();
            executions.forEach(execution -> execution.endWithSandbox(deadline));
            try {
                publication.withdraw();
            } finally {
                container.close();
            }
        } finally {
            closing.writeLock().unlock();
            onClose.run();
        }
    }

    @Override
    public SandboxInfo info() {
        requireOpen();
        return new SandboxInfo(
                        id,
                        container.isAlive() ? SandboxState.RUNNING : SandboxState.DEAD,
                        spec,
                        publication.created(),
                        Optional.of((long) container.first().pid()),
                        Optional.empty())
                .paused(paused.get());
    }

    /** {@inheritDoc} It is an execution like any other here. */
    @Override
    public Execution start() {
        return start(spec.command()
                .orElseThrow(() -> new SandboxException.Conflict(
                        "the sandbox " + id + " has no command of its own", "name one when you make it")));
    }

    /** {@inheritDoc} Of an attached sandbox none, since nobody else could take them up. */
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
        throw notKept(execution);
    }

    private static SandboxException notKept(int execution) {
        return new SandboxException.NotFound(
                "there is no execution " + execution + " that could be taken up", "make the sandbox detached");
    }

    @Override
    public SandboxFiles files() {
        requireOpen();
        return container.files();
    }

    @Override
    public void stop(Duration grace) {
        requireOpen();
        List<LocalExecution> running = List.copyOf(executions);
        running.forEach(execution -> execution.signal(spec.stopSignal().orElse(Processes.SIGTERM)));
        long deadline = System.nanoTime() + Math.min(grace.toNanos(), Long.MAX_VALUE / 2);
        for (LocalExecution execution : running) {
            if (execution
                    .await(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())))
                    .isEmpty()) {
                execution.kill();
            }
        }
    }

    @Override
    public void remove() {
        close();
    }

    /** The three pipes of a command. */
    record Pipes(Pipe input, Pipe output, Pipe error) implements AutoCloseable {
        static Pipes open() throws SyscallException {
            Pipe input = Pipe.writing();
            try {
                Pipe output = Pipe.reading();
                try {
                    return new Pipes(input, output, Pipe.reading());
                } catch (SyscallException e) {
                    output.close();
                    throw e;
                }
            } catch (SyscallException e) {
                input.close();
                throw e;
            }
        }

        Container.Streams theirs() {
            return new Container.Streams(input.theirs(), output.theirs(), error.theirs(), false);
        }

        /** The command has its own copies: only without ours do its ends count. */
        void closeTheirs() {
            input.theirs().close();
            output.theirs().close();
            error.theirs().close();
        }

        @Override
        public void close() {
            input.close();
            output.close();
            error.close();
        }
    }
}
