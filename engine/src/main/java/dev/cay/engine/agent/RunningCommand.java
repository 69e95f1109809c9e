package dev.cay.engine.agent;

import dev.cay.Execution;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Optional;

/**
 * A command that runs for a peer, from then on to its EXIT. The thread of the connection waits for the end of the command, one
 * reads what the peer sends, and one for each stream passes on what the command writes: so nothing that the peer sends, or does
 * not read, delays anything but itself.
 */
final class RunningCommand {
    /** VEOF, as terminals have it. */
    private static final byte[] TYPED_END = {4};

    private static final int CHUNK = 32 * 1024;

    /**
     * How long nobody has read the input when the peer is asked for a sign of life: as long as that waits nothing is read from him,
     * so that he could leave unseen.
     */
    private static final Duration LOOK = Duration.ofSeconds(1);

    private final Execution execution;
    private final Connection connection;
    private final Manner manner;
    private Stage stage;
    private volatile boolean feeding;
    private volatile boolean fed;
    private volatile Optional<String> fault = Optional.empty();
    private boolean over;
    private boolean left;

    /**
     * How it runs.
     *
     * @param terminal whether in a terminal
     * @param kept whether it goes on without the peer
     * @param greeted whether the peer knows our frames
     */
    record Manner(boolean terminal, boolean kept, boolean greeted) {}

    RunningCommand(Execution execution, Connection connection, Stage stage, Manner manner) {
        this.execution = execution;
        this.connection = connection;
        this.stage = stage;
        this.manner = manner;
    }

    void run() throws IOException {
        connection.onEnd(this::leave);
        Thread reader = Thread.ofVirtual().name("cay-agent-input").start(this::read);
        Thread output = pump(FrameType.STDOUT, execution.stdout());
        Thread error = pump(FrameType.STDERR, execution.stderr());
        try {
            Exit exit = awaitEnd();
            join(output);
            join(error);
            if (markOver()) {
                Optional<ExecutionUsage> usage = manner.greeted() ? execution.usage() : Optional.empty();
                new ExitFrames(connection.output()).send(exit, fault, usage, manner.greeted());
            }
        } catch (SandboxException e) {
            // Taken up by somebody else, or let go of because the peer has left.
            if (markOver()) {
                new ExitFrames(connection.output())
                        .refuse(ExitFrames.FAILED, e.code() + ": " + e.getMessage(), manner.greeted());
            }
        } finally {
            connection.close();
            endExecution();
            join(output);
            join(error);
            join(reader);
        }
    }

    private Exit awaitEnd() {
        while (true) {
            fed = false;
            boolean waited = feeding;
            Optional<Exit> exit = execution.await(LOOK);
            if (exit.isPresent()) {
                return exit.get();
            }
            if (waited && feeding && !fed) {
                askForLife();
            }
        }
    }

    /** Sends output that is none. */
    private void askForLife() {
        try {
            connection.output().send(FrameType.STDOUT);
        } catch (IOException e) {
            leave();
        }
    }

    private void endExecution() {
        try {
            execution.close();
        } catch (SandboxException _) {
            // It has ended with its sandbox, and whoever could be told has been.
        }
    }

    private Thread pump(FrameType type, InputStream stream) {
        return Thread.ofVirtual().name("cay-agent-output").start(() -> pass(type, stream));
    }

    private void pass(FrameType type, InputStream stream) {
        byte[] chunk = new byte[CHUNK];
        try {
            for (int count = stream.read(chunk); count >= 0; count = stream.read(chunk)) {
                try {
                    connection.output().send(type, chunk, 0, count);
                } catch (IOException e) {
                    leave();
                    return;
                }
            }
        } catch (IOException | SandboxException _) {
            // The command has been closed or taken away, which whoever waits for its end learns.
        }
    }

    private void read() {
        try {
            while (!isOver()) {
                Optional<FrameHeader> header = connection.input().header();
                if (header.isEmpty()) {
                    leave();
                    return;
                }
                FrameType type = header.get().type();
                stage = stage.next(Port.EXECUTIONS, type);
                obey(type);
            }
        } catch (RefusalException e) {
            fault = Optional.of(e.getMessage());
            kill();
        } catch (IOException e) {
            leave();
        } catch (SandboxException e) {
            fault = Optional.of(e.code() + ": " + e.getMessage());
            kill();
        }
    }

    private void obey(FrameType type) throws IOException {
        switch (type) {
            case STDIN -> feed();
            case EOF -> endInput();
            case RESIZE -> resize(fields());
            case SIGNAL -> signal(fields().getInt());
            default -> throw new IllegalStateException(type + " does nothing to a command");
        }
    }

    private ByteBuffer fields() throws IOException {
        return ByteBuffer.wrap(connection.input().payload()).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void resize(ByteBuffer size) throws RefusalException {
        int columns = Short.toUnsignedInt(size.getShort());
        int rows = Short.toUnsignedInt(size.getShort());
        if (columns == 0 || rows == 0) {
            throw new RefusalException("a terminal has at least one column and one row");
        }
        execution.resize(new TerminalSize(columns, rows));
    }

    private void signal(int number) throws RefusalException {
        if (number < 1 || number > 64) {
            throw new RefusalException("signal " + number + " does not exist");
        }
        execution.signal(number);
    }

    /** Passes on what has come, a piece at a time; what nobody reads any more is dropped, as a pipe that broke is told by EXIT. */
    private void feed() throws IOException {
        byte[] chunk = new byte[CHUNK];
        boolean heard = true;
        for (int count = connection.input().data(chunk, 0, CHUNK);
                count > 0;
                count = connection.input().data(chunk, 0, CHUNK)) {
            heard = heard && write(chunk, count);
        }
    }

    private boolean write(byte[] bytes, int count) {
        feeding = true;
        try {
            execution.stdin().write(bytes, 0, count);
            execution.stdin().flush();
            return true;
        } catch (IOException e) {
            return false;
        } finally {
            fed = true;
            feeding = false;
        }
    }

    private void endInput() {
        if (manner.terminal()) {
            write(TYPED_END, TYPED_END.length);
            return;
        }
        try {
            execution.stdin().close();
        } catch (IOException _) {
            // nobody reads it any more
        }
    }

    /** The peer has left. */
    private void leave() {
        synchronized (this) {
            if (over || left) {
                return;
            }
            left = true;
        }
        connection.close();
        if (manner.kept()) {
            letGo();
        } else {
            kill();
        }
    }

    private void letGo() {
        try {
            execution.detach();
        } catch (SandboxException _) {
            // it has ended with its sandbox
        }
        endExecution();
    }

    private void kill() {
        try {
            execution.kill();
        } catch (SandboxException _) {
            // it has ended with its sandbox
        }
    }

    private synchronized boolean isOver() {
        return over;
    }

    /** Whether there is still somebody to be told how it ended. */
    private synchronized boolean markOver() {
        over = true;
        return !left;
    }

    /** Nothing that is waited for here takes long once the channel is closed and the command has ended. */
    static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
