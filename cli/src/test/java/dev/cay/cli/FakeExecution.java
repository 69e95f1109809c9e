package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.ProcessUsage;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A command that is played by Java code on a thread of its own. */
final class FakeExecution implements Execution {
    private static final ProcessUsage PROCESS = new ProcessUsage(
            Duration.ofMillis(1), Duration.ofMillis(1), Size.kib(4), 1, 2, Size.kib(8), Size.kib(16), 3, 4);

    private final int id;
    private final ExecSpec command;
    private final boolean detachable;
    private final FakeSandboxes.Program program;
    private final BytePipe stdin = new BytePipe();
    private final BytePipe stdout = new BytePipe();
    private final BytePipe stderr = new BytePipe();
    private final CompletableFuture<Exit> exit = new CompletableFuture<>();
    private final Thread thread = new Thread(this::play, "fake-command");
    final List<Integer> signals = new CopyOnWriteArrayList<>();
    final List<TerminalSize> sizes = new CopyOnWriteArrayList<>();
    volatile boolean detached;
    volatile boolean attached;
    volatile boolean inputClosed;

    FakeExecution(int id, ExecSpec command, boolean detachable, FakeSandboxes.Program program) {
        this.id = id;
        this.command = command;
        this.detachable = detachable;
        this.program = program;
    }

    void begin(Optional<Exit> spawnFailure) {
        if (spawnFailure.isPresent()) {
            end(spawnFailure.get());
            return;
        }
        thread.setDaemon(true);
        thread.start();
    }

    boolean alive() {
        return !exit.isDone();
    }

    ExecutionInfo info() {
        return new ExecutionInfo(
                id,
                command.command(),
                command.user().orElse("root"),
                command.terminal().isPresent(),
                id + 1,
                FakeSandbox.CREATED,
                Optional.ofNullable(exit.getNow(null)));
    }

    @Override
    public Optional<ExecutionUsage> usage() {
        return command.accounted()
                ? Optional.of(
                        alive()
                                ? new ExecutionUsage(Duration.ofMillis(2), Size.kib(4), 1)
                                : new ExecutionUsage(Duration.ofMillis(2), Size.kib(4), 0, Optional.of(PROCESS)))
                : Optional.empty();
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
    public int id() {
        return detachable ? id : 0;
    }

    @Override
    public OutputStream stdin() {
        return new java.io.FilterOutputStream(stdin.out) {
            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                out.write(bytes, offset, length);
            }

            @Override
            public void close() throws IOException {
                inputClosed = true;
                super.close();
            }
        };
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
        signals.add(number);
    }

    @Override
    public void resize(TerminalSize size) {
        sizes.add(size);
    }

    @Override
    public void detach() {
        if (!detachable) {
            throw new SandboxException.Conflict("the sandbox is attached", "");
        }
        detached = true;
    }

    @Override
    public void follow() {
        // it has no descendants
    }

    @Override
    public void kill() {
        if (alive()) {
            end(Exit.signalled(Exit.Reason.KILLED, 9));
            thread.interrupt();
        }
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
        if (!detached) {
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
