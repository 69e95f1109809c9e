package dev.cay.bench;

import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Many sandboxes alive at once in one engine: whether the last is made as fast as the first, what each holds of the machine's
 * memory, how long they take to go.
 */
final class ScaleBench {
    private static final String CREATION = "create";
    private static final String FIRST = "first 100";
    private static final String LAST = "last 100";
    private static final String TEARDOWN = "teardown";
    private static final int SANDBOXES = 500;
    private static final int WARMUP = 200;
    private static final int GROUP = 100;
    /** Longer than the second after which an idle sandbox's first process gives back what it keeps to be quick. */
    private static final Duration SETTLING = Duration.ofSeconds(2);

    private final Options options;
    private final Report report;
    private final List<Sandbox> alive = new ArrayList<>();
    private final List<Long> creations = new ArrayList<>();
    private final List<Long> births = new ArrayList<>();

    private ScaleBench(Options options, Report report) {
        this.options = options;
        this.report = report;
    }

    static Report run(Options options) throws IOException {
        options.check(List.of());
        int n = options.n().orElse(SANDBOXES);
        Report report =
                new Report("scale", n + " sandboxes alive at once in one engine, each after one exec of 'true'");
        ScaleBench scale = new ScaleBench(options, report);
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local()) {
            scale.measure(bench, engine, n);
        } catch (SandboxException e) {
            report.failed(CREATION, "with " + scale.alive.size() + " alive: " + e.getMessage());
        } finally {
            scale.alive.forEach(Sandbox::close);
        }
        return report;
    }

    private void measure(Workbench bench, Sandboxes engine, int n) throws IOException {
        SandboxSpec spec = SandboxSpec.directory(bench.root()).build();
        for (int i = 0; i < options.warmup().orElse(WARMUP); i++) {
            try (Sandbox sandbox = engine.create(spec)) {
                Runs.exec(sandbox, Runs.COMMAND);
            }
        }
        settle();
        HostMemory before = HostMemory.now();
        for (int i = 0; i < n; i++) {
            create(engine, spec);
        }
        settle();
        HostMemory each = HostMemory.now().minus(before);
        long processes = ProcessHandle.current().descendants().count();
        teardown();
        reportCreation(n);
        reportMemory(each, processes, n);
    }

    /**
     * The kernel takes network namespaces apart in the background, and an engine what it needed to make a sandbox; what is left of those
     * that are gone, or of the making, is nobody's here.
     */
    private static void settle() throws IOException {
        try {
            Thread.sleep(SETTLING);
        } catch (InterruptedException e) {
            throw new IOException("interrupted", e);
        }
    }

    private void create(Sandboxes engine, SandboxSpec spec) throws IOException {
        long began = System.nanoTime();
        Sandbox sandbox = engine.create(spec);
        long created = System.nanoTime();
        alive.add(sandbox);
        Runs.exec(sandbox, Runs.COMMAND);
        births.add(System.nanoTime() - began);
        creations.add(created - began);
    }

    private void teardown() {
        List<Long> times = new ArrayList<>();
        long first = System.nanoTime();
        while (!alive.isEmpty()) {
            long began = System.nanoTime();
            alive.removeLast().close();
            times.add(System.nanoTime() - began);
        }
        double milliseconds = (System.nanoTime() - first) / 1e6;
        report.figure("teardown_ms_each", milliseconds / times.size(), Goal.atMost(1.5));
        report.row(TEARDOWN, Samples.ofNanoseconds(times));
    }

    private void reportCreation(int n) {
        int group = Math.min(GROUP, n);
        Samples first = Samples.ofNanoseconds(births.subList(0, group));
        Samples last = Samples.ofNanoseconds(births.subList(n - group, n));
        report.row(CREATION, Samples.ofNanoseconds(creations));
        report.row(FIRST, first);
        report.row(LAST, last);
        report.figure("last100/first100", last.median() / first.median(), Goal.atMost(1.5));
        report.note(
                "'" + FIRST + "' and '" + LAST + "' are create and one exec of 'true', after which the sandbox stays;"
                        + " '" + CREATION
                        + "' is the first half of it, of all. There is no pause between them, so what the engine"
                        + " does in the background for the next one is in it. '" + TEARDOWN
                        + "' is close, one after the other.");
        if (n < 2 * GROUP) {
            report.note("Fewer than " + 2 * GROUP + ": the first and the last " + group + " overlap, or are less than "
                    + GROUP + ".");
        }
    }

    private void reportMemory(HostMemory all, long processes, int n) {
        report.figure("memory_kib_each", (double) all.total() / n, Goal.atMost(400));
        report.figure("memory_kernel_kib_each", (double) all.kernel() / n);
        report.figure("memory_processes_kib_each", (double) all.processes() / n);
        report.figure("memory_files_kib_each", (double) all.files() / n);
        report.figure("memory_heap_kib_each", (double) all.heap() / n);
        report.figure("processes_each", (double) processes / n);
        report.note("Memory each: kernel " + text(all.kernel(), n) + " KiB (what is neither free nor a process's nor a"
                + " file's, so also page tables, stacks, mounts, namespaces, control groups), private memory of the"
                + " sandbox's processes " + text(all.processes(), n) + ", files in memory " + text(all.files(), n)
                + ", live objects of this JVM " + text(all.heap(), n)
                + "; after garbage collection and without names of"
                + " unused files. What else runs on the machine at the same time is in the kernel's part.");
        report.note(
                "No peer: crun and podman hold no engine that could be compared; what one container costs them in time"
                        + " is in './dev bench start'.");
    }

    private static String text(long all, int n) {
        return Numbers.text(Numbers.round((double) all / n, 1));
    }
}
