package dev.cay.bench;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** A command in a sandbox that is running already. */
final class ExecBench {
    private static final List<String> CASES =
            List.of("ours", Report.BARE_EXEC, "ProcessBuilder", "crun", "runc", "nsenter");
    private static final Duration LONGEST = Duration.ofSeconds(150);
    private static final int ROUNDS = 300;
    private static final int WARMUP = 8000;

    private final Options options;
    private final Report report;
    private final List<Case> cases = new ArrayList<>();
    private OptionalLong member = OptionalLong.empty();

    private ExecBench(Options options, Report report) {
        this.options = options;
        this.report = report;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report("exec", "'" + String.join(" ", Workbench.COMMAND) + "' in a running sandbox");
        ExecBench exec = new ExecBench(options, report);
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local();
                Sandbox sandbox =
                        engine.create(SandboxSpec.directory(bench.root()).build())) {
            exec.measure(bench, sandbox);
        }
        return report;
    }

    private void measure(Workbench bench, Sandbox sandbox) throws IOException {
        add(Case.here("ours", () -> Runs.exec(sandbox, Runs.COMMAND)));
        add(bench.bareExec());
        add(bench.processBuilder());
        runtime("crun", bench);
        runtime("runc", bench);
        nsenter(bench);
        new Rounds(report, LONGEST)
                .run(cases, options.warmup().orElse(WARMUP), options.n().orElse(ROUNDS));
        report.ratio("ours", "crun", Optional.of(Goal.atMost(0.25)));
        report.ratio("ours", "runc", Optional.of(Goal.atMost(0.07)));
        report.ratio("ours", "nsenter", Optional.empty());
        report.ratio("ours", "ProcessBuilder", Optional.empty());
        report.ratio("ours", Report.BARE_EXEC, Optional.empty());
        report.note(
                "Ours captures the output through pipes, the others have /dev/null. Its JVM is warm: it has done this "
                        + options.warmup().orElse(WARMUP) + " times before.");
    }

    private void add(Case one) {
        if (options.wants(one.name())) {
            cases.add(one);
        }
    }

    private void runtime(String name, Workbench bench) throws IOException {
        if (options.wants(name)) {
            Optional<OciRuntime> found = OciRuntime.find(name, bench, report);
            if (found.isPresent()) {
                OciRuntime runtime = found.get();
                member = OptionalLong.of(runtime.startSleeper());
                cases.add(Case.program(name, () -> bench.tools().run(runtime.exec())));
            }
        }
    }

    /** Enters the container of one of the runtimes: it has nothing to make one with. */
    private void nsenter(Workbench bench) throws IOException {
        if (!options.wants("nsenter")) {
            return;
        }
        if (member.isEmpty()) {
            report.missing("nsenter", "no container of crun or runc to enter");
            return;
        }
        Peers.nsenter(bench, report, member.getAsLong()).ifPresent(cases::add);
    }
}
