package dev.cay.bench;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;

/**
 * The life of a sandbox with one command: made, run, ended, removed.
 *
 * <p>Ours captures the command's output through pipes, as its users do; the others get /dev/null, which is faster.
 */
final class StartBench {
    private static final String HOST_ROOT = "ours host root";
    private static final String BACK_TO_BACK = "ours back to back";
    private static final List<String> CASES = List.of(
            "ours",
            "pooled",
            BACK_TO_BACK,
            HOST_ROOT,
            Report.BARE_EXEC,
            "ProcessBuilder",
            "crun",
            "runc",
            "bwrap",
            "unshare");
    private static final Duration LONGEST = Duration.ofSeconds(150);
    private static final Duration LONGEST_HOST_ROOT = Duration.ofSeconds(15);
    private static final int ROUNDS = 250;
    private static final int WARMUP = 1500;
    private static final int WAITING = 4;
    private static final int WARM_IN_A_ROW = 20;
    private static final int IN_A_ROW = 200;
    private static final ExecSpec HOST_COMMAND = ExecSpec.of("/bin/true");

    private final Options options;
    private final Report report;
    private final List<Case> cases = new ArrayList<>();

    private StartBench(Options options, Report report) {
        this.options = options;
        this.report = report;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report =
                new Report("start", "create + run '" + String.join(" ", Workbench.COMMAND) + "' + exit + teardown");
        StartBench start = new StartBench(options, report);
        try (Workbench bench = Workbench.open()) {
            try (Sandboxes engine = Sandboxes.local()) {
                start.measure(bench, engine);
            }
            start.measureHostRoot();
        }
        start.rate();
        return report;
    }

    private void measure(Workbench bench, Sandboxes engine) throws IOException {
        SandboxSpec spec = SandboxSpec.directory(bench.root()).build();
        Queue<Sandbox> waiting = new ArrayDeque<>();
        add(Case.here("ours", () -> life(engine, spec, Runs.COMMAND)));
        add(Case.here("pooled", () -> fill(waiting, engine, spec), () -> use(waiting)));
        add(bench.bareExec());
        add(bench.processBuilder());
        runtime("crun", bench);
        runtime("runc", bench);
        if (options.wants("bwrap")) {
            Peers.bwrap(bench, report).ifPresent(cases::add);
        }
        if (options.wants("unshare")) {
            Peers.unshare(bench, report).ifPresent(cases::add);
        }
        try {
            new Rounds(report, LONGEST)
                    .run(cases, options.warmup().orElse(WARMUP), options.n().orElse(ROUNDS));
        } finally {
            waiting.forEach(Sandbox::close);
        }
        if (options.wants(BACK_TO_BACK)) {
            backToBack(engine, spec);
        }
        report.note("Ours captures the output through pipes, the others have /dev/null. 'pooled' is exec and close of a"
                + " sandbox that is there.");
        report.note(
                "From the second sandbox of a kind on, its first process and its other parts are made in the background,"
                        + " before it is asked for; the pauses between the cases leave time for that. '" + BACK_TO_BACK
                        + "' has no pauses: it is what one sandbox after the other costs in the long run.");
    }

    /**
     * In an engine of its own, after the others: an engine keeps parts ready for the one kind of sandbox it was asked for last.
     */
    private void measureHostRoot() {
        if (options.wants(HOST_ROOT)) {
            try (Sandboxes engine = Sandboxes.local()) {
                SandboxSpec spec = SandboxSpec.host().build();
                int n = options.n().orElse(ROUNDS / 2);
                Case one = Case.here(HOST_ROOT, () -> life(engine, spec, HOST_COMMAND));
                new Rounds(report, LONGEST_HOST_ROOT)
                        .run(List.of(one), options.warmup().orElse(WARMUP) / 2, n);
            }
        }
    }

    private void add(Case one) {
        if (options.wants(one.name())) {
            cases.add(one);
        }
    }

    private void runtime(String name, Workbench bench) throws IOException {
        if (options.wants(name)) {
            OciRuntime.find(name, bench, report)
                    .ifPresent(found ->
                            cases.add(Case.program(name, () -> bench.tools().run(found.run()))));
        }
    }

    private static void life(Sandboxes engine, SandboxSpec spec, ExecSpec command) throws IOException {
        try (Sandbox sandbox = engine.create(spec)) {
            Runs.exec(sandbox, command);
        }
    }

    private static void fill(Queue<Sandbox> waiting, Sandboxes engine, SandboxSpec spec) {
        while (waiting.size() < WAITING) {
            waiting.add(engine.create(spec));
        }
    }

    private static void use(Queue<Sandbox> waiting) throws IOException {
        try (Sandbox sandbox = waiting.remove()) {
            Runs.exec(sandbox, Runs.COMMAND);
        }
    }

    private void rate() {
        report.ratio("ours", "crun", Optional.of(Goal.atMost(0.40)));
        report.ratio("ours", "runc", Optional.of(Goal.atMost(0.12)));
        report.ratio("ours", "bwrap", Optional.of(Goal.atMost(0.60)));
        report.ratio("ours", "unshare", Optional.empty());
        report.ratio("ours", "ProcessBuilder", Optional.empty());
        report.ratio("ours", Report.BARE_EXEC, Optional.empty());
        report.ratio("pooled", "crun", Optional.of(Goal.atMost(0.25)));
        report.ratio("pooled", "runc", Optional.empty());
        report.ratio("pooled", "bwrap", Optional.empty());
        report.ratio("pooled", "unshare", Optional.empty());
    }

    /** Without a pause in between: what is done in the background costs too. */
    private void backToBack(Sandboxes engine, SandboxSpec spec) {
        List<Long> times = new ArrayList<>();
        try {
            for (int i = 0; i < WARM_IN_A_ROW + IN_A_ROW; i++) {
                long began = System.nanoTime();
                life(engine, spec, Runs.COMMAND);
                times.add(System.nanoTime() - began);
            }
            report.row(BACK_TO_BACK, Samples.ofNanoseconds(times.subList(WARM_IN_A_ROW, times.size())));
        } catch (IOException | SandboxException e) {
            report.failed(BACK_TO_BACK, String.valueOf(e.getMessage()));
        }
    }
}
