package dev.cay.engine.sandbox;

import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.TerminalSize;
import dev.cay.engine.container.Container;
import dev.cay.linux.Child;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A command that has been started. */
final class LocalExecution implements Execution {
    private static final int MAXIMUM_SIGNAL = 64;

    private final Container container;
    private final Container.Process process;
    private final LocalSandbox.Pipes pipes;
    private final Timeouts timeouts;
    private final Consumer<LocalExecution> onClose;
    private final PipeOutput stdin;
    private final PipeInput stdout;
    private final PipeInput stderr;

    /** Whether one thread runs it from start to end, and releases it. */
    private final boolean captured;

    private final BooleanSupplier sandboxEnding;

    private final CountDownLatch released = new CountDownLatch(1);
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean following;
    private volatile boolean killed;
    private volatile boolean timedOut;
    private volatile Optional<Timeouts.Timeout> timeout = Optional.empty();
    private volatile Optional<Exit> exit = Optional.empty();

    LocalExecution(
            Container container,
            Container.Process process,
            LocalSandbox.Pipes pipes,
            Timeouts timeouts,
            boolean captured,
            BooleanSupplier sandboxEnding,
            Consumer<LocalExecution> onClose) {
        this.container = container;
        this.process = process;
        this.pipes = pipes;
        this.timeouts = timeouts;
        this.captured = captured;
        this.sandboxEnding = sandboxEnding;
        this.onClose = onClose;
        pipes.closeTheirs();
        stdin = new PipeOutput(pipes.input().ours(), process.child().end());
        stdout = new PipeInput(pipes.output(), process.child().end());
        stderr = new PipeInput(pipes.error(), process.child().end());
    }

    Container.Process process() {
        return process;
    }

    LocalSandbox.Pipes pipes() {
        return pipes;
    }

    @Override
    public OutputStream stdin() {
        return stdin;
    }

    @Override
    public InputStream stdout() {
        return stdout;
    }

    @Override
    public InputStream stderr() {
        return stderr;
    }

    @Override
    public void signal(int number) {
        if (number < 1 || number > MAXIMUM_SIGNAL) {
            throw new SandboxException.InvalidSpec("signal " + number + " does not exist", "1 to " + MAXIMUM_SIGNAL);
        }
        if (!closed.get()) {
            send(number);
        }
    }

    private void send(int signal) {
        try {
            process.child().signalGroup(signal);
        } catch (SyscallException e) {
            throw new SandboxException.HostFailed("cannot signal the command: " + e.getMessage(), "", e);
        }
    }

    @Override
    public int id() {
        return 0;
    }

    @Override
    public void resize(TerminalSize size) {
        // it has no terminal
    }

    @Override
    public void detach() {
        throw new SandboxException.Conflict(
                "a command of an attached sandbox cannot be let go of", "make the sandbox detached");
    }

    @Override
    public void follow() {
        following = true;
        stdout.follow();
        stderr.follow();
    }

    @Override
    public void kill() {
        if (!closed.get()) {
            killAll();
        }
    }

    private void killAll() {
        boolean runs = process.child().poll().isEmpty();
        if (runs) {
            killed = true;
        }
        if (runs || following) {
            container.kill(process);
        }
    }

    /** Notes that what ends this command is its caller. */
    void markKilled() {
        if (process.child().poll().isEmpty()) {
            killed = true;
        }
    }

    /** Notes that what ends this command is that it took too long to begin. */
    void markLate() {
        timedOut = true;
    }

    /** Ends the command when its time is over: politely first, and then with all its descendants. */
    void limit(Duration limit, Duration grace) {
        timeout = Optional.of(timeouts.after(limit, () -> {
            if (!closed.get() && process.child().poll().isEmpty()) {
                timedOut = true;
                timeout = Optional.of(timeouts.after(grace, () -> container.kill(process)));
                send(Processes.SIGTERM);
            }
        }));
    }

    @Override
    public Exit await() {
        if (exit.isEmpty()) {
            end(process.child().await());
        }
        return exit.orElseThrow();
    }

    @Override
    public Optional<Exit> await(Duration limit) {
        if (exit.isEmpty()) {
            Poll.await(
                    Math.max(0, TimeUnit.NANOSECONDS.convert(limit)),
                    process.child().end());
            process.child().poll().ifPresent(this::end);
        }
        return exit;
    }

    private synchronized void end(Child.Status status) {
        if (exit.isEmpty()) {
            timeout.ifPresent(Timeouts.Timeout::cancel);
            exit = Optional.of(classify(status));
        }
    }

    private Exit classify(Child.Status status) {
        if (timedOut) {
            return Exit.signalled(Exit.Reason.TIMEOUT, status.exited() ? Processes.SIGTERM : status.number())
                    .withCore(status.core());
        }
        if (status.exited()) {
            return Exit.exited(status.number());
        }
        if (status.number() == Processes.SIGKILL && container.ranOutOfMemory()) {
            return Exit.signalled(Exit.Reason.OOM, status.number());
        }
        boolean byCaller = killed || sandboxEnding.getAsBoolean() && status.number() == Processes.SIGKILL;
        return Exit.signalled(byCaller ? Exit.Reason.KILLED : Exit.Reason.SIGNALLED, status.number())
                .withCore(status.core());
    }

    @Override
    public Optional<ExecutionUsage> usage() {
        return container.usage(process);
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            release();
        }
    }

    private void release() {
        try {
            killAll();
            await();
            stdin.close();
            stdout.close();
            stderr.close();
            container.forget(process);
        } finally {
            onClose.accept(this);
            released.countDown();
        }
    }

    /**
     * For a sandbox that has killed everything: waits for whoever captures the output to come to its end, or closes this. Not for one
     * that does not end in time, which the container tells. Only who closes it may wait for the process by its descriptor, which is gone
     * afterwards.
     */
    void endWithSandbox(long deadline) {
        if (captured || !closed.compareAndSet(false, true)) {
            awaitRelease(deadline);
        } else if (Poll.await(
                        Math.max(0, deadline - System.nanoTime()),
                        process.child().end())
                == 0) {
            closed.set(false);
        } else {
            release();
        }
    }

    private void awaitRelease(long deadline) {
        boolean interrupted = false;
        boolean waiting = true;
        while (waiting) {
            try {
                boolean over = released.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (!over
                        && process.child()
                                .poll()
                                .isPresent()) { // it has ended, so whoever captures it is about to know
                    released.await();
                }
                waiting = false;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
