package dev.cay.engine.agent;

import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** Port 52 for one peer, from the first frame to EXIT. */
final class ExecutionService {
    private static final long FIRST_LOOK_NANOSECONDS = 5_000_000;
    private static final long LAST_LOOK_NANOSECONDS = 100_000_000;

    private final Sandbox sandbox;
    private final AgentServer.Host host;
    private final KeptCommands kept;
    private final Activity activity;
    private final Connection connection;
    private final ExitFrames exits;
    private Stage stage = Stage.NEW;
    private boolean greeted;

    ExecutionService(
            Sandbox sandbox, AgentServer.Host host, KeptCommands kept, Activity activity, Connection connection) {
        this.activity = activity;
        this.sandbox = sandbox;
        this.host = host;
        this.kept = kept;
        this.connection = connection;
        exits = new ExitFrames(connection.output());
    }

    /** So many are being served that this one is not. */
    void refuseBusy(String reason) throws IOException {
        exits.refuse(ExitFrames.REFUSED, reason, false);
    }

    void serve() throws IOException {
        try {
            while (stage == Stage.NEW || stage == Stage.GREETED) {
                Optional<FrameHeader> header = connection.input().header();
                if (header.isEmpty()) {
                    return;
                }
                stage = stage.next(Port.EXECUTIONS, header.get().type());
                answer(header.get().type(), connection.input().payload());
            }
        } catch (RefusalException e) {
            exits.refuse(ExitFrames.REFUSED, e.getMessage(), greeted);
        } catch (SandboxException e) {
            exits.refuse(ExitFrames.REFUSED, e.code() + ": " + e.getMessage(), greeted);
        }
    }

    private void answer(FrameType type, byte[] payload) throws IOException {
        switch (type) {
            case HELLO -> greet(payload);
            case START -> start(StartRequest.read(payload));
            case ATTACH -> attach(AttachRequest.read(payload));
            case CLOCK_SYNC -> setClock(payload);
            case NET_RECONFIG -> reconfigureNetwork(NetworkRequest.read(payload));
            case WAIT_PORT -> await(PortWait.read(payload));
            default -> throw new IllegalStateException(type + " begins nothing");
        }
    }

    private void greet(byte[] payload) throws IOException {
        Hello.check(payload);
        greeted = true;
        connection.output().send(FrameType.HELLO, Hello.answer());
    }

    private void start(StartRequest request) throws IOException {
        boolean terminal = request.command().terminal().isPresent();
        try (Execution execution = begin(request)) {
            if (request.stays()) {
                execution.follow();
            }
            if (isSpawned(execution)) {
                tellStarted(execution, request.isKept(), "");
            }
            run(execution, new RunningCommand.Manner(terminal, request.isKept(), greeted));
        }
    }

    private Execution begin(StartRequest request) throws RefusalException {
        return request.isKept() && !host.keepsCommands()
                ? kept.start(sandbox, request.command())
                : sandbox.start(request.command());
    }

    /** A command that could not be started is an execution that has ended already. */
    private static boolean isSpawned(Execution execution) {
        return execution
                .await(Duration.ZERO)
                .filter(end -> end.reason() == Exit.Reason.SPAWN_FAILED)
                .isEmpty();
    }

    private void attach(AttachRequest request) throws IOException {
        if (host.keepsCommands()) {
            attachStored(request);
            return;
        }
        KeptCommand command = kept.command(request.execution());
        try (KeptCommand.Turn turn = command.take(request.stdout(), request.stderr())) {
            if (request.stays()) {
                turn.follow();
            }
            tellStarted(turn, true, from(turn.outputStart(), turn.errorStart()));
            run(turn, new RunningCommand.Manner(command.terminal(), request.isKept(), greeted));
        }
    }

    private void attachStored(AttachRequest request) throws IOException {
        try (Execution execution = sandbox.attach(request.execution())) {
            if (request.stays()) {
                execution.follow();
            }
            boolean terminal =
                    info(request.execution()).map(ExecutionInfo::terminal).orElse(false);
            tellStarted(execution, true, skip(execution, request, terminal));
            run(execution, new RunningCommand.Manner(terminal, request.isKept(), greeted));
        }
    }

    /** Passes over what the peer has, now that it is ours and nothing is written over before we have asked for more. */
    private String skip(Execution execution, AttachRequest request, boolean terminal) throws IOException {
        boolean done = false;
        try {
            long stdout = skip(execution.stdout(), OutputKind.STDOUT, request.execution(), request.stdout());
            long stderr =
                    terminal ? 0 : skip(execution.stderr(), OutputKind.STDERR, request.execution(), request.stderr());
            done = true;
            return from(stdout, stderr);
        } finally {
            if (!done) {
                execution.detach();
            }
        }
    }

    private static String from(long stdout, long stderr) {
        return JsonWriter.object(json -> json.field("stdout", stdout).field("stderr", stderr));
    }

    /** Where the stream goes on is later than the peer wanted if that is not kept any more. */
    private long skip(InputStream stream, OutputKind kind, int execution, long from) throws IOException {
        OutputLog log = sandbox.log(execution, kind, 0);
        if (from > log.next()) {
            throw new RefusalException(kind + " has had " + log.next() + " bytes so far, not " + from);
        }
        stream.skipNBytes(Math.max(0, from - log.from()));
        return Math.max(from, log.from());
    }

    private Optional<ExecutionInfo> info(int number) {
        return sandbox.executions().stream().filter(info -> info.id() == number).findFirst();
    }

    /**
     * Says that it runs. Whoever cannot be told has been lost, and does not take along what is to outlive him.
     *
     * @param from where its streams begin, as JSON; empty for the beginning
     */
    private void tellStarted(Execution execution, boolean isKept, String from) throws IOException {
        boolean told = !greeted;
        try {
            if (greeted) {
                connection.output().send(FrameType.STARTED, started(execution, from));
                told = true;
            }
        } finally {
            if (!told && isKept) {
                execution.detach();
            }
        }
    }

    private String started(Execution execution, String from) {
        int number = execution.id();
        int pid = host.keepsCommands() ? info(number).map(ExecutionInfo::pid).orElse(0) : 0;
        String text = JsonWriter.object(json -> {
            json.field("execution", number);
            if (pid != 0) { // it is in the records of those who keep such
                json.field("pid", pid);
            }
        });
        return from.isEmpty() ? text : text.substring(0, text.length() - 1) + ",\"from\":" + from + "}";
    }

    private void run(Execution execution, RunningCommand.Manner manner) throws IOException {
        stage = manner.terminal() ? Stage.RUNNING_IN_TERMINAL : Stage.RUNNING;
        RunningCommand command = new RunningCommand(execution, connection, stage, manner);
        if (execution instanceof KeptCommand.Turn) { // counted with or without a peer
            command.run();
        } else {
            try (Activity.Span _ = activity.command()) {
                command.run();
            }
        }
        stage = Stage.ANSWERED;
    }

    private void setClock(byte[] payload) throws IOException {
        ByteBuffer fields = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        long seconds = fields.getLong();
        long nanoseconds = Integer.toUnsignedLong(fields.getInt());
        Optional<String> refusal = setClock(host, seconds, nanoseconds);
        if (refusal.isPresent()) {
            exits.refuse(ExitFrames.FAILED, refusal.get(), greeted);
        } else {
            exits.send(0, 0);
        }
    }

    /** Why it could not be set; empty if it was. */
    static Optional<String> setClock(AgentServer.Host host, long seconds, long nanoseconds) {
        if (seconds < 0 || seconds > Integer.toUnsignedLong(-1) || nanoseconds < 0 || nanoseconds > 999_999_999) {
            return Optional.of("this is not a time from 1970 to 2106");
        }
        try {
            host.setClock(InstantSource.fixed(Instant.ofEpochSecond(seconds, nanoseconds)));
            return Optional.empty();
        } catch (SandboxException e) {
            return Optional.of(e.code() + ": " + e.getMessage());
        }
    }

    private void reconfigureNetwork(NetworkRequest request) throws IOException {
        try {
            host.restoreNetwork(request);
        } catch (SandboxException e) {
            exits.refuse(ExitFrames.FAILED, e.code() + ": " + e.getMessage(), greeted);
            return;
        }
        exits.send(0, 0);
    }

    private void await(PortWait wait) throws IOException {
        AtomicBoolean left = new AtomicBoolean();
        Thread.ofVirtual().name("cay-agent-wait").start(() -> awaitLeaving(left));
        long deadline = System.nanoTime() + wait.timeout().toNanos();
        long pause = FIRST_LOOK_NANOSECONDS;
        while (!left.get()) {
            boolean over = wait.isOver(sandbox.files());
            long rest = deadline - System.nanoTime();
            if (over || rest <= 0) {
                exits.send(over ? 0 : 1, 0);
                return;
            }
            LockSupport.parkNanos(Math.min(rest, pause));
            pause = Math.min(pause * 2, LAST_LOOK_NANOSECONDS);
        }
    }

    /** Who waits for a port has nothing more to say: whatever comes is the end, and so is that we leave him. */
    private void awaitLeaving(AtomicBoolean left) {
        try {
            connection.input().header();
        } catch (IOException _) {
            // the end too
        } finally {
            left.set(true);
        }
    }
}
