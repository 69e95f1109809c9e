package dev.cay.bench;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
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
    private static final List<String> CASES = List.of(
            "ours", "pooled", "ours host root", Report.BARE_EXEC, "ProcessBuilder", "crun", "runc", "bwrap", "unshare");
    private static final int ROUNDS = 250;
    private static final int WARMUP = 250;
    private static final int WAITING = 4;
    private static final int BACK_TO_BACK = 100;
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
        Report report = new Report("start", "create + run '" + String.join(" ", Workbench.COMMAND) + "' + exit + teardown");
        StartBench start = new StartBench(options, report);
        // Two engines: one keeps parts ready for the kind of sandbox it was asked for last.
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local();
                Sandboxes hostEngine = Sandboxes.local()) {
            start.measure(bench, engine, hostEngine);
        }
        return report;
    }

    private void measure(Workbench bench, Sandboxes engine, Sandboxes hostEngine) throws IOException {
        SandboxSpec spec = SandboxSpec.directory(bench.root()).build();
        Queue<Sandbox> waiting = new ArrayDeque<>();
        add(Case.here("ours", () -> life(engine, spec, Runs.COMMAND)));
        add(Case.here("pooled", () -> fill(waiting, engine, spec), () -> use(waiting)));
        add(Case.here("ours host root", () -> life(hostEngine, SandboxSpec.host().build(), HOST_COMMAND)));
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
        new Rounds(report).run(cases, options.warmup().orElse(WARMUP), options.n().orElse(ROUNDS));
        waiting.forEach(Sandbox::close);
        rate();
        if (report.samples("ours").isPresent()) {
            report.figure("ours_back_to_back_us", backToBack(engine, spec));
            report.note("One after the other without a pause, when what is done in the background costs too, one of ours"
                    + " takes ours_back_to_back_us (in the file) on the average.");
        }
        report.note("Ours captures the output through pipes, the others have /dev/null. 'pooled' is exec and close of a"
                + " sandbox that is there.");
    }

    private void add(Case one) {
        if (options.wants(one.name())) {
            cases.add(one);
        }
    }

    private void runtime(String name, Workbench bench) throws IOException {
        if (options.wants(name)) {
            OciRuntime.find(name, bench, report)
                    .ifPresent(found -> cases.add(Case.program(name, () -> bench.tools().run(found.run()))));
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

    /** The average in microseconds. */
    private static double backToBack(Sandboxes engine, SandboxSpec spec) throws IOException {
        long began = System.nanoTime();
        for (int i = 0; i < BACK_TO_BACK; i++) {
            life(engine, spec, Runs.COMMAND);
        }
        return (System.nanoTime() - began) / 1000.0 / BACK_TO_BACK;
    }
}
