package dev.cay.engine.agent;

import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.TerminalSize;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A command that outlives its connections in this process: somebody reads what it writes, whether a peer is there or not. Peers
 * get it one after the other, as an {@link Execution} that is theirs until they let go of it or another takes it. Thread-safe.
 */
final class KeptCommand {
    private static final int CAPACITY = (int) StartRequest.KEPT.bytes();

    private static final int SIGKILL = 9;

    private final int number;
    private final Execution execution;
    private final boolean terminal;
    private final Activity activity;
    private final Runnable onClose;
    private final KeptStream stdout = new KeptStream(CAPACITY);
    private final KeptStream stderr = new KeptStream(CAPACITY);
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread waiter = Thread.ofVirtual().name("cay-agent-kept").unstarted(this::run);
    private Optional<Exit> exit = Optional.empty();
    private Optional<ExecutionUsage> used = Optional.empty();
    private Optional<Turn> turn = Optional.empty();

    /**
     * @param execution has just been started, and is this one's from now on
     * @param activity counts it as long as it runs
     * @param onClose is run when nobody can take it up any more
     */
    KeptCommand(int number, Execution execution, boolean terminal, Activity activity, Runnable onClose) {
        this.activity = activity;
        this.number = number;
        this.execution = execution;
        this.terminal = terminal;
        this.onClose = onClose;
    }

    /** Begins to read what it writes. */
    void start() {
        waiter.start();
    }

    private void run() {
        Thread output = Thread.ofVirtual().name("cay-agent-kept").start(() -> stdout.fill(execution.stdout()));
        Thread error = Thread.ofVirtual().name("cay-agent-kept").start(() -> stderr.fill(execution.stderr()));
        Exit end;
        try (Activity.Span _ = activity.command()) {
            end = awaitEnd();
        }
        Optional<ExecutionUsage> usage = usage();
        lock.lock();
        try {
            exit = Optional.of(end);
            used = usage;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        RunningCommand.join(output);
        RunningCommand.join(error);
        execution.close(); // nothing of it is held longer than it takes to read what it wrote
    }

    private Exit awaitEnd() {
        try {
            return execution.await();
        } catch (SandboxException e) {
            return Exit.signalled(Exit.Reason.KILLED, SIGKILL); // by the end of its sandbox
        }
    }

    private Optional<ExecutionUsage> usage() {
        try {
            return execution.usage();
        } catch (SandboxException e) {
            return Optional.empty(); // it has ended with its sandbox
        }
    }

    private void kill() {
        try {
            execution.kill();
        } catch (SandboxException _) {
            // it has ended with its sandbox
        }
    }

    /** Whether it has ended and nobody has it. */
    boolean isAbandoned() {
        lock.lock();
        try {
            return exit.isPresent() && turn.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    int number() {
        return number;
    }

    boolean terminal() {
        return terminal;
    }

    /**
     * Takes it up.
     *
     * @param out how many bytes of its output are known already
     * @param error the same of its error
     */
    Turn take(long out, long error) throws RefusalException {
        check("output", out, stdout.total());
        check("error", error, stderr.total());
        lock.lock();
        try {
            turn.ifPresent(Turn::leave);
            Turn next = new Turn(stdout.read(out), stderr.read(error));
            turn = Optional.of(next);
            changed.signalAll();
            return next;
        } finally {
            lock.unlock();
        }
    }

    private static void check(String what, long from, long total) throws RefusalException {
        if (from > total) {
            throw new RefusalException("its " + what + " has had " + total + " bytes so far, not " + from);
        }
    }

    /** Kills it and takes it from whoever has it; returns when nothing of it is held any more. */
    void end() {
        lock.lock();
        try {
            turn.ifPresent(Turn::leave);
            turn = Optional.empty();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        kill();
        RunningCommand.join(waiter);
    }

    /** The command in the hands of one peer. */
    final class Turn implements Execution {
        private final KeptStream.Reader output;
        private final KeptStream.Reader error;

        private Turn(KeptStream.Reader output, KeptStream.Reader error) {
            this.output = output;
            this.error = error;
        }

        private boolean isCurrent() {
            return turn.isPresent() && turn.get() == this;
        }

        private void leave() {
            output.close();
            error.close();
        }

        /** How many bytes had been written to its output before the first that can be read here. */
        long outputStart() {
            return output.start();
        }

        /** The same of its error. */
        long errorStart() {
            return error.start();
        }

        @Override
        public int id() {
            return number;
        }

        @Override
        public OutputStream stdin() {
            return execution.stdin();
        }

        @Override
        public InputStream stdout() {
            return output;
        }

        @Override
        public InputStream stderr() {
            return error;
        }

        @Override
        public void signal(int signal) {
            execution.signal(signal);
        }

        @Override
        public void resize(TerminalSize size) {
            execution.resize(size);
        }

        @Override
        public void detach() {
            lock.lock();
            try {
                if (isCurrent()) {
                    leave();
                    turn = Optional.empty();
                    changed.signalAll();
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void follow() {
            execution.follow();
        }

        @Override
        public Optional<ExecutionUsage> usage() {
            lock.lock();
            try {
                return exit.isPresent() ? used : KeptCommand.this.usage();
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void kill() {
            execution.kill();
        }

        @Override
        public Exit await() {
            return await(Duration.ofNanos(Long.MAX_VALUE)).orElseThrow();
        }

        /** {@inheritDoc} @throws SandboxException.Conflict if it is another's by now, or nobody's */
        @Override
        public Optional<Exit> await(Duration timeout) {
            long left = TimeUnit.NANOSECONDS.convert(timeout);
            boolean interrupted = false;
            lock.lock();
            try {
                while (isCurrent() && exit.isEmpty() && left > 0) {
                    try {
                        left = changed.awaitNanos(left);
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
                if (!isCurrent()) {
                    throw new SandboxException.Conflict(
                            "command " + number + " has been let go of, or somebody else has taken it up",
                            "attach to it");
                }
                return exit;
            } finally {
                lock.unlock();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        /** Kills it and forgets it, unless it has been let go of. */
        @Override
        public void close() {
            lock.lock();
            try {
                if (!isCurrent()) {
                    return;
                }
                leave();
                turn = Optional.empty();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
            KeptCommand.this.kill();
            onClose.run();
        }
    }
}
