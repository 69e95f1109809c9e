package dev.cay.engine.sandbox;

import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.TerminalSize;
import dev.cay.engine.container.CommandUsage;
import dev.cay.engine.container.Container;
import dev.cay.linux.Errno;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Processes;
import dev.cay.linux.ResourceUsage;
import dev.cay.linux.SyscallException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/** A command whose streams the sandbox's first process keeps, taken up by this process. */
final class DetachableExecution implements Execution {
    static final int MAXIMUM_SIGNAL = 64;

    private final Keeper keeper;
    private final KeptExecution kept;
    private final Settings settings;
    private final KeptOutput stdin;
    private final KeptInput stdout;
    private final KeptInput stderr;
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean following;
    private volatile boolean killed;
    private volatile boolean released;
    private volatile Optional<ExecutionUsage> used = Optional.empty();
    private volatile Optional<Exit> exit = Optional.empty();

    /**
     * What is to be known of it.
     *
     * @param detachable whether others can take it up
     * @param terminal whether its streams are a terminal
     * @param accounted whether to read what it has used when it has ended
     * @param stdoutBefore what it had written before and is still there; do not modify
     * @param stderrBefore the same of its error
     * @param onEnd gets to know how it ended and what it has used, once
     */
    record Settings(
            boolean detachable,
            boolean terminal,
            boolean accounted,
            byte[] stdoutBefore,
            byte[] stderrBefore,
            BiConsumer<Exit, Optional<ExecutionUsage>> onEnd) {}

    /** What it runs in. */
    interface Keeper {
        /** Kills a command by its number. */
        void kill(int number);

        /** What a command has used; empty if nobody knows. */
        Optional<ExecutionUsage> usage(int number);

        /** Whether the kernel has killed anything there for want of memory. */
        boolean ranOutOfMemory();
    }

    DetachableExecution(Container container, KeptExecution kept, Settings settings) {
        this(new ContainerGrip(container), kept, settings);
    }

    DetachableExecution(Keeper keeper, KeptExecution kept, Settings settings) {
        this.keeper = keeper;
        this.kept = kept;
        this.settings = settings;
        stdin = new KeptOutput(kept, settings.terminal());
        stdout = new KeptInput(this, kept.output(), settings.stdoutBefore());
        stderr = new KeptInput(this, kept.error(), settings.stderrBefore());
    }

    @Override
    public int id() {
        return settings.detachable() ? kept.number() : 0;
    }

    @Override
    public OutputStream stdin() {
        return stdin;
    }

    @Override
    public InputStream stdout() {
        return stdout;
    }

    /** {@inheritDoc} Empty if it has a terminal. */
    @Override
    public InputStream stderr() {
        return settings.terminal() ? InputStream.nullInputStream() : stderr;
    }

    @Override
    public void signal(int number) {
        if (number < 1 || number > MAXIMUM_SIGNAL) {
            throw new SandboxException.InvalidSpec("signal " + number + " does not exist", "1 to " + MAXIMUM_SIGNAL);
        }
        unlessEnded("signal", () -> kept.signal(number));
    }

    @Override
    public void resize(TerminalSize size) {
        unlessEnded("resize", () -> kept.resize(size.columns(), size.rows()));
    }

    @Override
    public void detach() {
        if (!settings.detachable()) {
            throw new SandboxException.Conflict(
                    "a command of an attached sandbox cannot be let go of", "make the sandbox detached");
        }
        released = true;
        unlessEnded("detach from", kept::detach);
    }

    private interface Call {
        void run() throws SyscallException;
    }

    private void unlessEnded(String what, Call call) {
        if (closed.get() || exit.isPresent()) {
            return;
        }
        try {
            call.run();
        } catch (SyscallException e) {
            if (!e.is(Errno.EPIPE)) { // the sandbox has ended, which await tells
                throw new SandboxException.HostFailed("cannot " + what + " the command: " + e.getMessage(), "", e);
            }
        }
    }

    @Override
    public void follow() {
        following = true;
        stdout.follow();
        stderr.follow();
    }

    @Override
    public void kill() {
        if (closed.get()) {
            return;
        }
        boolean runs = exit.isEmpty();
        if (runs) {
            killed = true;
        }
        if (runs || following) {
            keeper.kill(kept.number());
        }
    }

    @Override
    public Exit await() {
        return await(Long.MAX_VALUE).orElseThrow();
    }

    @Override
    public Optional<Exit> await(Duration timeout) {
        long nanoseconds = Math.min(timeout.isNegative() ? 0 : nanoseconds(timeout), Long.MAX_VALUE / 2);
        return await(System.nanoTime() + nanoseconds);
    }

    private static long nanoseconds(Duration duration) {
        return java.util.concurrent.TimeUnit.NANOSECONDS.convert(duration);
    }

    Optional<Exit> await(long deadline) {
        if (exit.isEmpty()) {
            try {
                kept.await(deadline).ifPresent(ended -> end(classify(ended), ended.used()));
            } catch (SyscallException e) {
                if (released) { // how it ends is for others to learn, and to write down
                    throw new SandboxException.Conflict(
                            "command " + kept.number() + " has been let go of", "attach to it");
                }
                if (e.is(Errno.EBUSY)) {
                    throw new SandboxException.Conflict(
                            "somebody else has taken up command " + kept.number(), "attach again to take it back");
                }
                Exit.Reason reason = keeper.ranOutOfMemory() ? Exit.Reason.OOM : Exit.Reason.KILLED;
                end(Exit.signalled(reason, Processes.SIGKILL), Optional.empty());
            }
        }
        return exit;
    }

    private Exit classify(KeptExecution.Ended ended) {
        int number = ended.status().number();
        if (ended.timedOut()) {
            return Exit.signalled(Exit.Reason.TIMEOUT, ended.status().exited() ? Processes.SIGTERM : number)
                    .withCore(ended.status().core());
        }
        if (ended.status().exited()) {
            return Exit.exited(number);
        }
        if (number == Processes.SIGKILL && keeper.ranOutOfMemory()) {
            return Exit.signalled(Exit.Reason.OOM, number);
        }
        return Exit.signalled(killed ? Exit.Reason.KILLED : Exit.Reason.SIGNALLED, number)
                .withCore(ended.status().core());
    }

    private synchronized void end(Exit how, Optional<ResourceUsage> told) {
        if (exit.isEmpty()) {
            used = settings.accounted()
                    ? keeper.usage(kept.number()).map(usage -> CommandUsage.with(usage, told))
                    : Optional.empty();
            exit = Optional.of(how);
            settings.onEnd().accept(how, used);
        }
    }

    @Override
    public Optional<ExecutionUsage> usage() {
        return exit.isPresent() ? used : keeper.usage(kept.number());
    }

    @Override
    public void close() {
        if (closed.get()) {
            return;
        }
        if (!released && isOurs()) {
            kill();
            await();
            letGo();
        }
        if (closed.compareAndSet(false, true)) {
            kept.close();
        }
    }

    /** Whether nobody else has taken it up meanwhile: then it is his to end. */
    private boolean isOurs() {
        try {
            await(System.nanoTime());
            return true;
        } catch (SandboxException.Conflict e) {
            return false;
        }
    }

    /** What nobody reads any more must not keep the first process waiting for somebody who does. */
    private void letGo() {
        try {
            kept.detach();
        } catch (SyscallException e) {
            // it has ended with its sandbox
        }
    }
}
