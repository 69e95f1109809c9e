package dev.cay.cli;

import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Usage;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Looks at what sandboxes use, again and again. */
final class Sampler implements AutoCloseable {
    private static final long TENTHS_OF_PERCENT = 1000;

    private final Sandboxes engine;
    private final List<String> names;
    private final Time time;
    private final Map<String, Watched> watched = new LinkedHashMap<>();
    private boolean named;

    /**
     * What a sandbox uses.
     *
     * @param info what it is
     * @param cpuTenths of a percent of a processor since the last look; 0 at the first
     * @param usage all the rest
     */
    record Row(SandboxInfo info, long cpuTenths, Usage usage) {
        void addTo(Table table) {
            Optional<Size> limit = info.spec().limits().memory();
            table.row(
                    Table.cell(info.id()),
                    Table.cell(info.spec().name().orElse("-")),
                    Table.cell(Figures.tenths(cpuTenths) + "%"),
                    Table.cell(Figures.bytes(usage.memory().bytes())),
                    Table.cell(limit.isPresent() ? Figures.bytes(limit.get().bytes()) : "-"),
                    Table.cell(Long.toString(usage.processes())),
                    Table.cell(text(usage.bytesRead())),
                    Table.cell(text(usage.bytesWritten())));
        }

        private static String text(Optional<Size> size) {
            return size.isPresent() ? Figures.bytes(size.get().bytes()) : "-";
        }

        void writeTo(Json json, Instant now) throws IOException {
            json.field("time", now.toString())
                    .field("id", info.id())
                    .field("name", info.name())
                    .number("cpu_percent", Figures.tenths(cpuTenths));
            InfoJson.writeUsage(json, usage);
        }
    }

    /** A sandbox and what was seen of it the last time. */
    private static final class Watched {
        private final Sandbox sandbox;
        private final SandboxInfo info;
        private long nanos;
        private long cpuNanos;
        private boolean seen;

        Watched(Sandbox sandbox, SandboxInfo info) {
            this.sandbox = sandbox;
            this.info = info;
        }

        Row look(long now) {
            Usage usage = sandbox.usage();
            long cpu = usage.cpu().toNanos();
            long tenths = seen && now > nanos ? Math.max(0, cpu - cpuNanos) * TENTHS_OF_PERCENT / (now - nanos) : 0;
            nanos = now;
            cpuNanos = cpu;
            seen = true;
            return new Row(info, tenths, usage);
        }
    }

    /** @param names which sandboxes; empty for all that live and can be looked at, those that are yet to be made too */
    Sampler(Sandboxes engine, List<String> names, Time time) {
        this.engine = engine;
        this.names = names;
        this.time = time;
    }

    /** Looks at them all. Those that have ended are left out from then on. */
    List<Row> sample() {
        if (names.isEmpty()) {
            findAll();
        } else if (!named) {
            named = true;
            for (String name : names) {
                Sandbox sandbox = engine.open(name);
                if (watched.containsKey(sandbox.id())) {
                    sandbox.close();
                } else {
                    watched.put(sandbox.id(), new Watched(sandbox, sandbox.info()));
                }
            }
        }
        List<Row> rows = new ArrayList<>();
        for (Watched one : List.copyOf(watched.values())) {
            try {
                rows.add(one.look(time.nanos()));
            } catch (SandboxException.Closed | SandboxException.NotFound e) {
                watched.remove(one.info.id());
                one.sandbox.close();
            }
        }
        return rows;
    }

    private void findAll() {
        for (SandboxInfo info : engine.list()) {
            boolean alive = info.state() != SandboxState.DEAD && info.state() != SandboxState.REMOVING;
            if (!alive || watched.containsKey(info.id())) {
                continue;
            }
            try {
                watched.put(info.id(), new Watched(engine.open(info.id()), info));
            } catch (SandboxException.NotFound | SandboxException.Closed | SandboxException.Conflict e) {
                // Gone since, or not ours to look at.
                continue;
            }
        }
    }

    @Override
    public void close() {
        for (Watched one : watched.values()) {
            one.sandbox.close();
        }
    }
}
