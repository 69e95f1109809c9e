package dev.cay.bench;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.linux.HostKernel;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Where our own microseconds go: the lists of system calls of each phase, and what is outside of them. */
final class PhasesBench {
    private static final List<String> CASES = List.of("phases");
    private static final Duration LONGEST = Duration.ofSeconds(70);
    private static final int ROUNDS = 300;
    private static final int WARMUP = 300;

    private PhasesBench() {}

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report("phases", "create + exec '" + String.join(" ", Workbench.COMMAND) + "' + close");
        Phases phases = new Phases();
        HostKernel.observe(phases);
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local()) {
            Case cycle = Case.here("total", phases::digest, () -> cycle(engine, bench, phases));
            Rounds rounds = new Rounds(report, LONGEST);
            int warmup = options.warmup().orElse(WARMUP);
            int n = options.n().orElse(ROUNDS);
            rounds.run(List.of(cycle), warmup, 1);
            phases.forget();
            rounds.run(List.of(cycle, bench.bareExec()), 0, n);
            phases.end();
        }
        phases.report(report, System.out);
        report.ratio("total", Report.BARE_EXEC, Optional.empty());
        return report;
    }

    private static void cycle(Sandboxes engine, Workbench bench, Phases phases) throws IOException {
        phases.begin("create");
        try (Sandbox sandbox = engine.create(SandboxSpec.directory(bench.root()).build())) {
            phases.begin("exec");
            Runs.exec(sandbox, Runs.COMMAND);
            phases.begin("close");
        }
        phases.begin("between");
    }
}
