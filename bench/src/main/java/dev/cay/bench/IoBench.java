package dev.cay.bench;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The streams of a command: how long a byte travels there and back, how much fits through. Beside it the same program
 * without a sandbox, started by ProcessBuilder and read with the same buffer.
 */
final class IoBench {
    private static final List<String> CASES = List.of("round trip", "output", "input");
    private static final Duration LONGEST = Duration.ofSeconds(70);
    private static final int REPETITIONS = 11;
    private static final int WARMUP = 2;
    private static final int BATCHES = 24;
    private static final int TRIPS_IN_BATCH = 1000;
    private static final int BUFFER = 64 << 10;
    private static final long OUTPUT_MIB = 1024;
    private static final long INPUT_MIB = 256;
    private static final int SPREAD_ROUNDS = 60;
    private static final String BUILDER = " ProcessBuilder";

    private final Options options;
    private final Report report;
    private final Workbench bench;
    private final Sandbox sandbox;

    private IoBench(Options options, Report report, Workbench bench, Sandbox sandbox) {
        this.options = options;
        this.report = report;
        this.bench = bench;
        this.sandbox = sandbox;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report(
                "io",
                "a byte through 'cat' and back; 1 GiB from 'dd', 256 MiB to it, " + (BUFFER >> 10) + " KiB at a time");
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local();
                Sandbox sandbox =
                        engine.create(SandboxSpec.directory(bench.root()).build())) {
            new IoBench(options, report, bench, sandbox).measure();
        }
        return report;
    }

    private void measure() throws IOException {
        Rounds rounds = new Rounds(report, LONGEST);
        rounds.run(List.of(bench.bareExec()), WARMUP, SPREAD_ROUNDS);
        if (options.wants("round trip")) {
            roundTrips();
        }
        List<Case> bulk = new ArrayList<>();
        if (options.wants("output")) {
            bulk.add(Case.here("output", this::output));
            bulk.add(Case.here("output" + BUILDER, this::outputOfProcess));
        }
        if (options.wants("input")) {
            bulk.add(Case.here("input", this::input));
            bulk.add(Case.here("input" + BUILDER, this::inputOfProcess));
        }
        rounds.run(bulk, options.warmup().orElse(WARMUP), options.n().orElse(REPETITIONS));
        throughput("output", OUTPUT_MIB, "throughput/ProcessBuilder", Optional.of(Goal.atLeast(0.95)));
        throughput("input", INPUT_MIB, "input/ProcessBuilder", Optional.empty());
    }

    /**
     * More is better here, so these ratios are the other way round than those of times. Those of the fastest runs stand beside
     * them, because ProcessBuilder's small pipe makes it suffer most from whatever else runs on the machine.
     */
    private void throughput(String name, long mib, String ratio, Optional<Goal> goal) {
        Optional<Samples> ours = report.samples(name);
        Optional<Samples> builder = report.samples(name + BUILDER);
        ours.ifPresent(samples -> report.figure(name + "_mib_s", mib * 1e6 / samples.median()));
        builder.ifPresent(samples -> report.figure(name + "_ProcessBuilder_mib_s", mib * 1e6 / samples.median()));
        if (ours.isPresent() && builder.isPresent()) {
            report.ratio(ratio, builder.get().median() / ours.get().median(), goal);
            report.ratio(
                    ratio.replace("/", " p10/"),
                    builder.get().percentile(10) / ours.get().percentile(10),
                    Optional.empty());
        }
    }

    private void roundTrips() throws IOException {
        List<Long> ours = new ArrayList<>(BATCHES * TRIPS_IN_BATCH);
        List<Long> builder = new ArrayList<>(BATCHES * TRIPS_IN_BATCH);
        Process process = new ProcessBuilder(bench.hostBusybox().toString(), "cat").start();
        try (Execution cat = sandbox.start(ExecSpec.of("/bin/busybox", "cat"))) {
            for (int batch = -4; batch < BATCHES; batch++) {
                trips(cat.stdin(), cat.stdout(), batch < 0 ? new ArrayList<>() : ours);
                trips(process.getOutputStream(), process.getInputStream(), batch < 0 ? new ArrayList<>() : builder);
            }
            report.row("round trip", Samples.ofNanoseconds(ours));
            report.row("round trip" + BUILDER, Samples.ofNanoseconds(builder));
            Samples samples = Samples.ofNanoseconds(ours);
            report.figure("roundtrip_us", samples.median(), Goal.atMost(20));
            report.figure("roundtrip_p10_us", samples.percentile(10));
            report.figure("roundtrip_p90_us", samples.percentile(90));
        } catch (IOException e) {
            report.failed("round trip", String.valueOf(e.getMessage()));
        } finally {
            process.destroyForcibly();
        }
    }

    private static void trips(OutputStream there, InputStream back, List<Long> times) throws IOException {
        byte[] one = {'x'};
        for (int i = 0; i < TRIPS_IN_BATCH; i++) {
            long began = System.nanoTime();
            there.write(one);
            there.flush();
            int count = back.read(one);
            times.add(System.nanoTime() - began);
            if (count != 1 || one[0] != 'x') {
                throw new IOException("the byte did not come back");
            }
        }
    }

    private void output() throws IOException {
        try (Execution dd =
                sandbox.start(ExecSpec.of("/bin/busybox", "dd", "if=/dev/zero", "bs=1M", "count=" + OUTPUT_MIB))) {
            drain(dd.stdout());
            succeeded(dd);
        }
    }

    private void outputOfProcess() throws IOException, InterruptedException {
        Process dd = process("if=/dev/zero", "bs=1M", "count=" + OUTPUT_MIB);
        try (InputStream stdout = dd.getInputStream()) {
            drain(stdout);
        }
        succeeded(dd);
    }

    private static void drain(InputStream stream) throws IOException {
        byte[] buffer = new byte[BUFFER];
        long total = 0;
        int count;
        while ((count = stream.read(buffer)) > 0) {
            total += count;
        }
        if (total != OUTPUT_MIB << 20) {
            throw new IOException("of " + (OUTPUT_MIB << 20) + " bytes only " + total + " came");
        }
    }

    private void input() throws IOException {
        try (Execution dd = sandbox.start(ExecSpec.of("/bin/busybox", "dd", "of=/dev/null", "bs=64k"))) {
            feed(dd.stdin());
            succeeded(dd);
        }
    }

    private void inputOfProcess() throws IOException, InterruptedException {
        Process dd = process("of=/dev/null", "bs=64k");
        feed(dd.getOutputStream());
        succeeded(dd);
    }

    private static void feed(OutputStream stream) throws IOException {
        byte[] buffer = new byte[BUFFER];
        try (stream) {
            for (long left = INPUT_MIB << 20; left > 0; left -= BUFFER) {
                stream.write(buffer);
            }
        }
    }

    private Process process(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(bench.hostBusybox().toString(), "dd"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static void succeeded(Process dd) throws IOException, InterruptedException {
        int code = dd.waitFor();
        if (code != 0) {
            throw new IOException("exit code " + code);
        }
    }

    private static void succeeded(Execution dd) throws IOException {
        Exit exit = dd.await();
        if (!exit.success()) {
            throw new IOException(exit.toString());
        }
    }
}
