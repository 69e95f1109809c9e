package dev.cay.engine.sandbox;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Usage;
import dev.cay.engine.container.Container;
import dev.cay.linux.Pipe;
import dev.cay.linux.SyscallException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** A sandbox made of a container. */
final class LocalSandbox implements Sandbox {
    private static final Duration LONGEST_LAUNCH = Duration.ofSeconds(5);

    private final String id;
    private final Container container;
    private final Timeouts timeouts;
    private final Runnable onClose;
    private final Set<LocalExecution> executions = ConcurrentHashMap.newKeySet();

    /** Read by whoever starts a command, written by who closes: no process is started that nobody would reap. */
    private final ReentrantReadWriteLock closing = new ReentrantReadWriteLock();

    /** Whether whatever ends now is ended by {@link #close}. */
    private volatile boolean ending;

    private volatile boolean closed;

    LocalSandbox(String id, Container container, Timeouts timeouts, Runnable onClose) {
        this.id = id;
        this.container = container;
        this.timeouts = timeouts;
        this.onClose = onClose;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public Execution start(ExecSpec command) {
        try {
            return launch(command, false);
        } catch (SyscallException e) {
            requireLasting();
            return new UnstartedExecution(Exit.spawnFailed(e.errno(), e.getMessage()));
        }
    }

    @Override
    public ExecResult exec(ExecSpec command) {
        long began = System.nanoTime();
        try (LocalExecution execution = launch(command, true)) {
            Capture capture = new Capture(execution, command);
            Exit exit = capture.run();
            Duration duration = Duration.ofNanos(System.nanoTime() - began);
            return new ExecResult(exit, capture.stdout(), capture.stderr(), capture.truncated(), duration);
        } catch (SyscallException e) {
            requireLasting();
            Duration duration = Duration.ofNanos(System.nanoTime() - began);
            return new ExecResult(
                    Exit.spawnFailed(e.errno(), e.getMessage()), new byte[0], new byte[0], false, duration);
        }
    }

    private LocalExecution launch(ExecSpec command, boolean captured) throws SyscallException {
        closing.readLock().lock();
        try {
            requireOpen();
            LocalExecution execution = launchHere(command, captured);
            executions.add(execution);
            command.timeout().ifPresent(timeout -> execution.limit(timeout, command.grace()));
            return execution;
        } finally {
            closing.readLock().unlock();
        }
    }

    private LocalExecution launchHere(ExecSpec command, boolean captured) throws SyscallException {
        Pipes pipes = Pipes.open();
        Optional<Timeouts.Timeout> limit = Optional.empty();
        try (Container.Launch launch = container.prepare()) {
            limit = Optional.of(timeouts.after(longestLaunch(command), launch::kill));
            Container.Process process = launch.start(command, pipes.theirs());
            return new LocalExecution(container, process, pipes, timeouts, captured, () -> ending, executions::remove);
        } catch (SyscallException | RuntimeException e) {
            pipes.close();
            throw e;
        } finally {
            limit.ifPresent(Timeouts.Timeout::cancel);
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
        if (!closed) {
            ending = true;
            executions.forEach(LocalExecution::markKilled);
            container.kill(); // whoever hangs in a start that the sandbox holds up is set free by that
        }
        closing.writeLock().lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            executions.forEach(LocalExecution::markKilled);
            container.kill();
            executions.forEach(LocalExecution::endWithSandbox);
            container.close();
        } finally {
            closing.writeLock().unlock();
            onClose.run();
        }
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
            return new Container.Streams(input.theirs(), output.theirs(), error.theirs());
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
