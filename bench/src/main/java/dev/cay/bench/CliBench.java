package dev.cay.bench;

import dev.cay.Sandbox;
import dev.cay.SandboxPool;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a shell waits for: our command line beside podman's, whole processes; and what a program waits for that has a pool. */
final class CliBench {
    private static final String RUN = "run";
    private static final String RUN_SAME_ROOT = "run same root";
    private static final String EXEC = "exec";
    private static final String JVM = "jvm";
    private static final String PODMAN_RUN = "podman run";
    private static final String PODMAN_EXEC = "podman exec";
    private static final String CLAIM = "claim";
    private static final String CRUN = "crun";
    private static final List<String> OURS = List.of(RUN, RUN_SAME_ROOT, EXEC, JVM);
    private static final List<String> CASES =
            List.of(RUN, RUN_SAME_ROOT, EXEC, JVM, PODMAN_RUN, PODMAN_EXEC, CLAIM, CRUN, Report.BARE_EXEC);
    private static final Duration LONGEST = Duration.ofSeconds(120);
    private static final Duration LONGEST_CLAIMS = Duration.ofSeconds(40);
    private static final int ROUNDS = 25;
    private static final int WARMUP = 3;
    private static final int CLAIMS = 150;
    private static final int WARMUP_CLAIMS = 1500;
    private static final int POOL = 4;
    private static final Duration REFILL = Duration.ofSeconds(10);

    private final Options options;
    private final Report report;

    private CliBench(Options options, Report report) {
        this.options = options;
        this.report = report;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report("cli", "'true' from a shell: cay beside podman; from a pool, beside crun run");
        CliBench cli = new CliBench(options, report);
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local()) {
            cli.measureShell(bench, engine);
            cli.measureClaims(bench, engine);
        }
        cli.rate();
        return report;
    }

    private void measureShell(Workbench bench, Sandboxes engine) throws IOException {
        List<Case> cases = new ArrayList<>();
        if (OURS.stream().anyMatch(options::wants)) {
            ours(bench, engine, cases);
        }
        List<String> podmans =
                List.of(PODMAN_RUN, PODMAN_EXEC).stream().filter(options::wants).toList();
        if (!podmans.isEmpty()) {
            Optional<Podman> found = Podman.find(bench, report, podmans);
            if (found.isPresent()) {
                podman(bench, found.get(), cases);
            }
        }
        new Rounds(report, LONGEST)
                .run(cases, options.warmup().orElse(WARMUP), options.n().orElse(ROUNDS));
    }

    private void ours(Workbench bench, Sandboxes engine, List<Case> cases) throws IOException {
        Product product = Product.installed();
        ours(cases, bench, RUN, product.command("run", "--", "true"));
        List<String> sameRoot =
                new ArrayList<>(List.of("run", "--rootfs", bench.root().toString(), "--"));
        sameRoot.addAll(Workbench.COMMAND);
        ours(cases, bench, RUN_SAME_ROOT, product.command(sameRoot.toArray(String[]::new)));
        ours(cases, bench, JVM, product.jvm());
        if (options.wants(EXEC)) {
            try (Sandbox sandbox = Runs.detached(bench, product, engine, SandboxSpec.directory(bench.root()))) {
                List<String> exec = new ArrayList<>(List.of("exec", sandbox.id(), "--"));
                exec.addAll(Workbench.COMMAND);
                ours(cases, bench, EXEC, product.command(exec.toArray(String[]::new)));
            }
        }
    }

    private void podman(Workbench bench, Podman podman, List<Case> cases) {
        if (options.wants(PODMAN_RUN)) {
            cases.add(Case.program(PODMAN_RUN, () -> bench.tools().run(podman.run())));
        }
        if (options.wants(PODMAN_EXEC)) {
            try {
                podman.startSleeper();
                Tools.Command exec = podman.exec(Workbench.COMMAND);
                cases.add(Case.program(PODMAN_EXEC, () -> bench.tools().run(exec)));
            } catch (IOException e) {
                report.failed(PODMAN_EXEC, String.valueOf(e.getMessage()));
            }
        }
    }

    /** Tried once before it is timed, because then it can say what is wrong. */
    private void ours(List<Case> cases, Workbench bench, String name, Tools.Command command) throws IOException {
        if (!options.wants(name)) {
            return;
        }
        Optional<String> failure = bench.tools().attempt(command);
        if (failure.isPresent()) {
            report.failed(name, failure.get());
        } else {
            cases.add(Case.program(name, () -> bench.tools().run(command)));
        }
    }

    private void measureClaims(Workbench bench, Sandboxes engine) throws IOException {
        List<Case> cases = new ArrayList<>();
        SandboxSpec spec = SandboxSpec.directory(bench.root()).build();
        try (SandboxPool pool = engine.pool(spec, POOL)) {
            if (options.wants(CLAIM)) {
                cases.add(Case.here(CLAIM, () -> awaitFull(pool), () -> claim(pool)));
            }
            if (options.wants(CRUN)) {
                OciRuntime.find(CRUN, bench, report)
                        .ifPresent(found ->
                                cases.add(Case.program(CRUN, () -> bench.tools().run(found.run()))));
            }
            if (options.wants(Report.BARE_EXEC)) {
                cases.add(bench.bareExec());
            }
            new Rounds(report, LONGEST_CLAIMS)
                    .run(
                            cases,
                            options.warmup().orElse(WARMUP_CLAIMS),
                            options.n().orElse(CLAIMS));
        }
    }

    private static void claim(SandboxPool pool) throws IOException {
        try (Sandbox sandbox = pool.take()) {
            Runs.exec(sandbox, Runs.COMMAND);
        }
    }

    /** Until the pool is full, so that it does not fill itself while the time is taken. */
    private static void awaitFull(SandboxPool pool) throws IOException {
        long deadline = System.nanoTime() + REFILL.toNanos();
        while (pool.ready() < POOL) {
            if (System.nanoTime() > deadline) {
                throw new IOException("the pool has only " + pool.ready() + " of " + POOL + " sandboxes after "
                        + REFILL.toSeconds() + " s");
            }
            Thread.onSpinWait();
        }
    }

    private void rate() {
        report.ratio("run/podman", RUN, PODMAN_RUN, Optional.of(Goal.atMost(0.50)));
        report.ratio("run same root/podman", RUN_SAME_ROOT, PODMAN_RUN, Optional.empty());
        report.ratio("exec/podman", EXEC, PODMAN_EXEC, Optional.of(Goal.atMost(0.50)));
        report.ratio("jvm/podman", JVM, PODMAN_RUN, Optional.empty());
        report.ratio("claim/crun", CLAIM, CRUN, Optional.of(Goal.atMost(0.25)));
        report.samples(JVM).ifPresent(jvm -> {
            report.figure("jvm_ms", jvm.median() / 1000);
            withoutJvm(RUN, "run_without_jvm_ms", jvm);
            withoutJvm(EXEC, "exec_without_jvm_ms", jvm);
        });
        report.note(
                "'run' is 'cay run -- true', as installed, its starter and JVM included; 'run same root' does it in podman's"
                        + " root file system. 'jvm' is what all of ours have in common, 'cay version'; it is subtracted in"
                        + " run_without_jvm_ms and exec_without_jvm_ms.");
        report.note("'claim' is take, exec with output captured, and close, from a pool of " + POOL + " that is full.");
    }

    private void withoutJvm(String name, String figure, Samples jvm) {
        report.samples(name).ifPresent(whole -> report.figure(figure, (whole.median() - jvm.median()) / 1000));
    }
}
