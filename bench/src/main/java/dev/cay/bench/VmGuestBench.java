package dev.cay.bench;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.FilePath;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.WriteOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** What a guest that is up does, and what it takes. */
final class VmGuestBench {
    private static final Duration LONGEST = Duration.ofSeconds(120);
    private static final String BUSYBOX = "/bin/busybox";
    private static final int EXECUTIONS = 100;
    private static final int TRANSFERS = 12;
    private static final int PINGS = 400;
    private static final int CLONES = 4;
    private static final int STREAMS = 64;
    private static final byte[] BYTES = new byte[8 << 20];

    private final Report report;

    VmGuestBench(Report report) {
        this.report = report;
        new Random(1).nextBytes(BYTES);
    }

    /** Several clones that begin together, and what memory they take when they do nothing. */
    void clones(Sandboxes engine, SandboxSpec spec) throws IOException {
        List<Sandbox> clones = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(CLONES)) {
            long began = System.nanoTime();
            List<Future<Sandbox>> begun = new ArrayList<>();
            for (int i = 0; i < CLONES; i++) {
                begun.add(threads.submit(() -> {
                    Sandbox clone = engine.create(spec);
                    Runs.exec(clone, Runs.COMMAND);
                    return clone;
                }));
            }
            for (Future<Sandbox> clone : begun) {
                clones.add(clone.get());
            }
            report.figure("clones4_ms", (System.nanoTime() - began) / 1e6);
            long memory = 0;
            for (Sandbox clone : clones) {
                memory += clone.usage().memory().bytes();
            }
            report.figure("clone_idle_kib", memory / 1024.0 / CLONES);
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IOException("a clone: " + e.getCause().getMessage(), e);
        } catch (InterruptedException e) {
            throw new IOException("interrupted", e);
        } finally {
            clones.forEach(Sandbox::close);
        }
    }

    void guest(Sandbox sandbox, Options options) throws IOException {
        report.figure("stub_rss_kib", residentKib(sandbox), Goal.atMost(256));
        report.note("stub_rss_kib is what the guest's kernel says in /proc/1/status, which may be 256 KiB behind.");
        if (options.wants("exec")) {
            new Rounds(report, LONGEST)
                    .run(
                            List.of(Case.here("exec", () -> Runs.exec(sandbox, Runs.COMMAND))),
                            EXECUTIONS / 4,
                            EXECUTIONS);
            report.samples("exec").ifPresent(samples -> report.figure("exec_us", samples.median()));
        }
        if (options.wants("file")) {
            files(sandbox);
        }
        if (options.wants("ping")) {
            pings(sandbox);
        }
    }

    private static double residentKib(Sandbox sandbox) {
        String script = "while read name value rest; do [ $name = VmRSS: ] && echo $value; done < /proc/1/status";
        return Double.parseDouble(
                sandbox.exec(BUSYBOX, "sh", "-c", script).stdout().strip());
    }

    /** A file in and out beside the same bytes through a command that keeps none of them. */
    private void files(Sandbox sandbox) {
        FilePath path = FilePath.of("/tmp/bytes");
        ExecSpec take = ExecSpec.builder(BUSYBOX, "sh", "-c", BUSYBOX + " cat > /dev/null")
                .stdin(BYTES)
                .timeout(LONGEST)
                .build();
        sandbox.files().write(path, new ByteArrayInputStream(BYTES), WriteOptions.STANDARD);
        new Rounds(report, LONGEST)
                .run(
                        List.of(
                                Case.here("8 MiB into a command", () -> Runs.exec(sandbox, take)),
                                Case.here(
                                        "8 MiB into a file",
                                        () -> sandbox.files()
                                                .write(path, new ByteArrayInputStream(BYTES), WriteOptions.STANDARD)),
                                Case.here("8 MiB out of a file", () -> {
                                    try (InputStream in = sandbox.files().read("/tmp/bytes")) {
                                        in.transferTo(java.io.OutputStream.nullOutputStream());
                                    }
                                })),
                        1,
                        TRANSFERS);
        report.ratio("file/channel", "8 MiB into a command", "8 MiB into a file", Optional.of(Goal.atLeast(0.8)));
    }

    private void pings(Sandbox sandbox) throws IOException {
        Samples idle = ping(sandbox);
        report.row("ping", idle);
        report.figure("ping_idle_us", idle.median());
        List<Execution> loads = new ArrayList<>();
        try {
            for (int i = 0; i < STREAMS; i++) {
                Execution load = sandbox.start(ExecSpec.of(BUSYBOX, "cat", "/dev/zero"));
                loads.add(load);
                if (i > 0) { // one is read by nobody
                    Thread.startVirtualThread(() -> drain(load));
                }
            }
            Samples loaded = ping(sandbox);
            report.row("ping beside 64 streams", loaded);
            report.figure("ping_loaded_p95_us", loaded.percentile(95), Goal.atMost(2 * idle.median() + 1000));
        } finally {
            for (Execution load : loads) {
                load.kill();
                load.close();
            }
        }
    }

    private static Samples ping(Sandbox sandbox) {
        List<Long> times = new ArrayList<>();
        for (int i = 0; i < PINGS; i++) {
            times.add(sandbox.ping().toNanos());
        }
        return Samples.ofNanoseconds(times);
    }

    private static void drain(Execution execution) {
        try {
            execution.stdout().transferTo(java.io.OutputStream.nullOutputStream());
        } catch (IOException e) {
            // it has been closed
        }
    }
}
