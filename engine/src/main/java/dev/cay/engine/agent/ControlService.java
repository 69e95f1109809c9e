package dev.cay.engine.agent;

import dev.cay.BootStep;
import dev.cay.EventStream;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.MachineInfo;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.Size;
import dev.cay.Usage;
import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Processes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Port 54 for one peer: a line of JSON for each request, answered by a line in turn; and, once asked for, lines of events. */
final class ControlService {
    private static final long LOOK_NANOSECONDS = 20_000_000;
    private static final int MAXIMUM_LINE = 64 * 1024;

    /** Only says how often it is looked whether there is still somebody to be told. */
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private final Sandbox sandbox;
    private final AgentServer.Host host;
    private final Standstill standstill;
    private final Activity activity;
    private final Connection connection;
    private Optional<EventStream> events = Optional.empty();
    private volatile boolean over;

    ControlService(
            Sandbox sandbox, AgentServer.Host host, Standstill standstill, Activity activity, Connection connection) {
        this.standstill = standstill;
        this.activity = activity;
        this.sandbox = sandbox;
        this.host = host;
        this.connection = connection;
    }

    void refuseBusy(String reason) throws IOException {
        fail(0, "busy", reason);
    }

    void serve() throws IOException {
        try {
            Optional<String> line = connection.input().line(MAXIMUM_LINE);
            while (line.isPresent()) {
                serve(ControlRequest.read(line.get()));
                line = connection.input().line(MAXIMUM_LINE);
            }
        } catch (RefusalException e) {
            fail(0, "invalid-request", e.getMessage());
        } finally {
            over = true;
        }
    }

    private void serve(ControlRequest request) throws IOException {
        try {
            answer(request);
        } catch (SandboxException e) {
            fail(request.id(), e.code(), e.getMessage());
        }
    }

    private void answer(ControlRequest request) throws IOException {
        switch (request.request()) {
            case "ping" -> succeed(request.id(), json -> json.field("pong", true));
            case "inspect" -> {
                SandboxInfo info = sandbox.info();
                Optional<Usage> usage = usage();
                List<BootStep> boot = sandbox.boot();
                succeed(request.id(), json -> {
                    write(json, info, usage);
                    json.object("activity", this::writeActivity);
                    if (!boot.isEmpty()) { // a container has none
                        json.objects("boot", boot, ControlService::write);
                    }
                });
            }
            case "executions" -> {
                List<ExecutionInfo> list = sandbox.executions();
                succeed(request.id(), json -> json.objects("executions", list, ControlService::write));
            }
            case "signal" -> {
                sandbox.signal(request.execution(), request.signal());
                succeed(request.id(), _ -> {});
            }
            case "clock" -> setClock(request);
            case "freeze" -> {
                List<String> disks = standstill.begin(Duration.ofSeconds(request.thawAfterSeconds()));
                succeed(request.id(), json -> json.texts("disks", disks));
            }
            case "thaw" -> {
                List<String> disks = standstill.end();
                succeed(request.id(), json -> json.texts("disks", disks));
            }
            case "shutdown" -> {
                shutDown(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(request.graceMillis()));
                succeed(request.id(), _ -> {});
            }
            case "events" -> watch(request.id());
            default -> fail(request.id(), "unsupported", "there is no such request");
        }
    }

    /** All commands are asked, and those that go on are killed: a stop alone asks none but the sandbox's own. */
    private void shutDown(long deadline) {
        int signal = sandbox.info().spec().stopSignal().orElse(Processes.SIGTERM);
        for (int execution : running()) {
            try {
                sandbox.signal(execution, signal);
            } catch (SandboxException.NotFound _) {
                // it has just ended
            }
        }
        while (!running().isEmpty() && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
        sandbox.stop(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
    }

    /** The commands that others see; those of an attached sandbox are its owner's, who asks all of them. */
    private List<Integer> running() {
        return sandbox.executions().stream()
                .filter(info -> info.exit().isEmpty())
                .map(ExecutionInfo::id)
                .toList();
    }

    private void setClock(ControlRequest request) throws IOException {
        Optional<String> refusal = ExecutionService.setClock(host, request.seconds(), request.nanoseconds());
        if (refusal.isPresent()) {
            fail(request.id(), "unsupported", refusal.get());
        } else {
            succeed(request.id(), _ -> {});
        }
    }

    private Optional<Usage> usage() {
        try {
            return Optional.of(sandbox.usage());
        } catch (SandboxException.Unsupported | SandboxException.Closed e) {
            return Optional.empty();
        }
    }

    private static void write(JsonWriter json, SandboxInfo info, Optional<Usage> usage) {
        json.field("sandbox", info.id())
                .field("name", info.name())
                .field("state", info.state().text())
                .field("isolation", info.spec().isolation().name().toLowerCase(Locale.ROOT))
                .field("created", info.created().toString())
                .object("exit", info.exit(), ControlService::write)
                .field("paused", info.paused())
                .object("machine", info.machine(), ControlService::write)
                .object("usage", usage, ControlService::write);
    }

    private void writeActivity(JsonWriter json) {
        json.field("last", activity.last().toString())
                .field("commands", activity.commands())
                .field("files", activity.files())
                .field("receivedBytes", activity.received())
                .field("sentBytes", activity.sent());
    }

    private static void write(JsonWriter json, MachineInfo machine) {
        json.field("health", machine.health().name().toLowerCase(Locale.ROOT))
                .field("emulated", machine.emulated())
                .field("began", machine.began().text())
                .field("template", machine.template())
                .field("answeredMillis", machine.answered().toMillis())
                .field("files", machine.files().map(MachineInfo.Files::text));
    }

    private static void write(JsonWriter json, BootStep step) {
        json.field("step", step.name())
                .field("atMicros", TimeUnit.NANOSECONDS.toMicros(step.at().toNanos()))
                .field("tookMicros", TimeUnit.NANOSECONDS.toMicros(step.took().toNanos()))
                .field("warning", step.warning());
    }

    private static void write(JsonWriter json, Usage usage) {
        json.field("cpuNanos", usage.cpu().toNanos())
                .field("memoryBytes", usage.memory().bytes())
                .field("memoryPeakBytes", usage.memoryPeak().bytes())
                .field("processes", usage.processes())
                .field("oomKills", usage.oomKills());
        usage.bytesRead().map(Size::bytes).ifPresent(bytes -> json.field("readBytes", bytes));
        usage.bytesWritten().map(Size::bytes).ifPresent(bytes -> json.field("writtenBytes", bytes));
    }

    private static void write(JsonWriter json, ExecutionInfo info) {
        json.field("execution", info.id())
                .texts("command", info.command())
                .field("user", info.user())
                .field("tty", info.terminal())
                .field("pid", info.pid())
                .field("started", info.started().toString())
                .object("exit", info.exit(), ControlService::write);
    }

    private static void write(JsonWriter json, Exit exit) {
        json.field("reason", exit.reason().text())
                .field("code", ExitFrames.code(exit))
                .field("signal", exit.signal());
    }

    /** From now on; asked for again it changes nothing. */
    private void watch(long id) throws IOException {
        if (events.isEmpty()) {
            EventStream stream = host.events();
            events = Optional.of(stream);
            Thread.ofVirtual().name("cay-agent-events").start(() -> tell(stream));
        }
        succeed(id, _ -> {});
    }

    private void tell(EventStream stream) {
        try (stream) {
            while (!over) {
                for (SandboxEvent event : stream.next(INTERVAL)) {
                    if (event.id().equals(sandbox.id())) {
                        line(JsonWriter.object(json -> json.object("event", object -> write(object, event))));
                    }
                }
            }
        } catch (IOException | SandboxException _) {
            connection.close(); // who has asked for events must not think that there are none
        }
    }

    private static void write(JsonWriter json, SandboxEvent event) {
        json.field("time", event.time().toString()).field("kind", event.kind().text());
        event.execution().ifPresent(number -> json.field("execution", number));
        json.field("detail", event.detail());
    }

    private void succeed(long id, Consumer<JsonWriter> result) throws IOException {
        line(JsonWriter.object(json -> json.field("id", id).object("ok", result)));
    }

    private void fail(long id, String code, String message) throws IOException {
        line(JsonWriter.object(json -> json.field("id", id)
                .object("error", error -> error.field("code", code).field("message", message))));
    }

    private void line(String text) throws IOException {
        connection.output().sendLine((text + "\n").getBytes(StandardCharsets.US_ASCII));
    }
}
