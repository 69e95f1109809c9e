package dev.cay.cli;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Usage;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A sandbox that is but a list of executions. */
final class FakeSandbox implements Sandbox {
    private boolean paused;
    static final Instant CREATED = Instant.parse("2026-01-02T03:04:05Z");

    /** So much of a log is given at once. */
    private static final int PIECE = 5;

    private final FakeSandboxes engine;
    private final String id;
    private final SandboxSpec spec;
    private final List<FakeExecution> executions = new CopyOnWriteArrayList<>();
    private final Map<String, byte[]> logs = new ConcurrentHashMap<>();
    final List<Duration> stops = new ArrayList<>();
    final Deque<Usage> usages = new ArrayDeque<>();
    Optional<SandboxFiles> files = Optional.empty();
    SandboxState state = SandboxState.RUNNING;
    Optional<Exit> exit = Optional.empty();
    private volatile boolean gone;

    FakeSandbox(FakeSandboxes engine, String id, SandboxSpec spec) {
        this.engine = engine;
        this.id = id;
        this.spec = spec;
    }

    SandboxSpec spec() {
        return spec;
    }

    /** A command that somebody has started before. */
    FakeExecution running(ExecSpec command) {
        FakeExecution execution = new FakeExecution(
                executions.size() + 1, command, spec.lifetime().detached(), engine.program);
        executions.add(execution);
        engine.executions.add(execution);
        execution.begin(engine.spawnFailure);
        return execution;
    }

    void log(int execution, OutputKind kind, String text) {
        logs.put(execution + kind.name(), text.getBytes(StandardCharsets.UTF_8));
    }

    void killAll() {
        executions.forEach(FakeExecution::kill);
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public Execution start(ExecSpec command) {
        engine.started.add(command);
        return running(command);
    }

    @Override
    public Execution start() {
        return start(spec.command().orElseThrow());
    }

    @Override
    public ExecResult exec(ExecSpec command) {
        throw new UnsupportedOperationException("the command line always streams");
    }

    @Override
    public Usage usage() {
        if (gone || state == SandboxState.DEAD) {
            throw new SandboxException.Closed(id + " is closed");
        }
        return usages.size() > 1 ? usages.remove() : usages.isEmpty() ? FakeSandboxes.USAGE : usages.peek();
    }

    @Override
    public SandboxInfo info() {
        return new SandboxInfo(id, state, spec, CREATED, Optional.of(4711L), exit).paused(paused);
    }

    @Override
    public void pause() {
        paused = true;
    }

    @Override
    public void resume() {
        paused = false;
    }

    @Override
    public List<ExecutionInfo> executions() {
        return executions.stream().map(FakeExecution::info).toList();
    }

    @Override
    public void signal(int execution, int number) {
        executions.stream().filter(one -> one.id() == execution).forEach(one -> one.signals.add(number));
    }

    @Override
    public Map<Integer, ExecutionUsage> usages() {
        Map<Integer, ExecutionUsage> usages = new HashMap<>();
        for (FakeExecution execution : executions) {
            execution.usage().ifPresent(usage -> usages.put(execution.id(), usage));
        }
        return usages;
    }

    @Override
    public Execution attach(int execution) {
        executions.get(execution - 1).attached = true;
        return executions.get(execution - 1);
    }

    @Override
    public OutputLog log(int execution, OutputKind kind, long from) {
        byte[] all = logs.getOrDefault(execution + kind.name(), new byte[0]);
        int start = (int) Math.min(from, all.length);
        return new OutputLog(start, Arrays.copyOfRange(all, start, Math.min(all.length, start + PIECE)));
    }

    @Override
    public SandboxFiles files() {
        return files.orElseThrow();
    }

    @Override
    public void stop(Duration grace) {
        stops.add(grace);
        killAll();
    }

    @Override
    public void remove() {
        killAll();
        engine.boxes.remove(this);
        engine.closed.add("removed " + id);
    }

    @Override
    public void close() {
        engine.closed.add("sandbox");
        if (!spec.lifetime().detached()) {
            gone = true;
        }
    }
}
