package dev.cay.cli;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Usage;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An engine in which Java code plays the command. */
final class FakeSandboxes implements Sandboxes {
    static final Usage USAGE =
            new Usage(Duration.ofMillis(5), Size.mib(2), Size.mib(3), 1, Optional.of(Size.kib(4)), Optional.empty(), 0);

    /** What is run instead of a command. */
    interface Program {
        Exit run(InputStream stdin, OutputStream stdout, OutputStream stderr) throws IOException, InterruptedException;
    }

    private final Program program;
    final List<SandboxSpec> created = new ArrayList<>();
    final List<ExecSpec> started = new ArrayList<>();
    final List<String> closed = new CopyOnWriteArrayList<>();
    private final List<FakeExecution> executions = new CopyOnWriteArrayList<>();
    Optional<RuntimeException> createFailure = Optional.empty();
    Optional<RuntimeException> closeFailure = Optional.empty();

    FakeSandboxes(Program program) {
        this.program = program;
    }

    static FakeSandboxes exiting(int code) {
        return ending(Exit.exited(code));
    }

    static FakeSandboxes ending(Exit exit) {
        return new FakeSandboxes((stdin, stdout, stderr) -> exit);
    }

    @Override
    public Sandbox create(SandboxSpec spec) {
        if (createFailure.isPresent()) {
            throw createFailure.get();
        }
        created.add(spec);
        return new FakeSandbox();
    }

    @Override
    public void close() {
        executions.forEach(FakeExecution::close);
        closed.add("engine");
        if (closeFailure.isPresent()) {
            throw closeFailure.get();
        }
    }

    int executionsAlive() {
        return (int) executions.stream()
                .filter(execution -> !execution.exit.isDone())
                .count();
    }

    void awaitStart() throws InterruptedException {
        while (executions.isEmpty()) {
            Thread.sleep(1);
        }
    }

    private final class FakeSandbox implements Sandbox {
        private volatile boolean gone;

        @Override
        public String id() {
            return "box-1";
        }

        @Override
        public Execution start(ExecSpec command) {
            started.add(command);
            FakeExecution execution = new FakeExecution();
            executions.add(execution);
            execution.begin();
            return execution;
        }

        @Override
        public ExecResult exec(ExecSpec command) {
            throw new UnsupportedOperationException("the command line always streams");
        }

        @Override
        public Usage usage() {
            if (gone) {
                throw new SandboxException.Closed("box-1 is closed");
            }
            return USAGE;
        }

        @Override
        public void close() {
            gone = true;
            closed.add("sandbox");
        }
    }

    private final class FakeExecution implements Execution {
        private final BytePipe stdin = new BytePipe();
        private final BytePipe stdout = new BytePipe();
        private final BytePipe stderr = new BytePipe();
        private final CompletableFuture<Exit> exit = new CompletableFuture<>();
        private final Thread thread = new Thread(this::play, "fake-command");

        void begin() {
            thread.setDaemon(true);
            thread.start();
        }

        private void play() {
            try {
                end(program.run(stdin.in, stdout.out, stderr.out));
            } catch (IOException | InterruptedException e) {
                // What the kernel does to those who write without readers.
                end(Exit.signalled(Exit.Reason.SIGNALLED, 13));
            }
        }

        private void end(Exit how) {
            exit.complete(how);
            closeQuietly(stdin.in);
            closeQuietly(stdout.out);
            closeQuietly(stderr.out);
        }

        @Override
        public OutputStream stdin() {
            return stdin.out;
        }

        @Override
        public InputStream stdout() {
            return stdout.in;
        }

        @Override
        public InputStream stderr() {
            return stderr.in;
        }

        @Override
        public void signal(int number) {
            throw new UnsupportedOperationException("the command line sends no signals");
        }

        @Override
        public void kill() {
            end(Exit.signalled(Exit.Reason.KILLED, 9));
            thread.interrupt();
        }

        @Override
        public Exit await() {
            return exit.join();
        }

        @Override
        public Optional<Exit> await(Duration timeout) {
            try {
                return Optional.of(exit.get(timeout.toMillis(), TimeUnit.MILLISECONDS));
            } catch (TimeoutException e) {
                return Optional.empty();
            } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void close() {
            kill();
        }
    }

    private static void closeQuietly(AutoCloseable stream) {
        try {
            stream.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
