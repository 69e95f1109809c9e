package dev.cay.bench;

import dev.cay.ImageConfig;
import dev.cay.Isolation;
import dev.cay.Kernels;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * A microVM from nothing to its first command, beside the same QEMU and the same kernel with nothing but busybox; and a command in
 * one that runs.
 */
final class VmBench {
    private static final String IMAGE = "cay-bench-vm";
    private static final List<String> CASES = List.of("cold", "bare", "clone", "exec", "file", "ping");
    private static final Duration LONGEST = Duration.ofSeconds(150);
    private static final int ROUNDS = 6;

    /** Two sizes that differ, so that those that are to boot find no template. */
    private static final Size COLD = Size.mib(256);

    private static final Size CLONES = Size.mib(257);

    private static final Path STUB = Path.of("guest/src/main/resources/dev/cay/guest/stub-x86_64");

    private final Options options;
    private final Report report;
    private final Deque<Sandbox> cold = new ArrayDeque<>();
    private final Deque<Process> bare = new ArrayDeque<>();

    private VmBench(Options options, Report report) {
        this.options = options;
        this.report = report;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report("vm", "microVMs, emulated, with one processor and 256 MiB");
        VmBench vm = new VmBench(options, report);
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local()) {
            Optional<Kernels.Info> there = engine.kernels().list().stream()
                    .filter(Kernels.Info::preferred)
                    .findFirst();
            Kernels.Info kernel = there.orElseGet(() -> engine.kernels().add(List.of(debian()), Optional.of(IMAGE)));
            Path archive = bench.directory().resolve("root.tar");
            BareGuest.execute(List.of("tar", "-C", bench.root().toString(), "-cf", archive.toString(), "."));
            try (InputStream stream = Files.newInputStream(archive)) {
                engine.images()
                        .importRoot(
                                stream,
                                Optional.of(IMAGE),
                                ImageConfig.empty(ImageConfig.Platform.parse("linux/amd64")));
            }
            try {
                vm.measure(bench, engine, kernel);
            } finally {
                vm.cold.forEach(Sandbox::close);
                vm.bare.forEach(Process::destroyForcibly);
                engine.images().remove(IMAGE);
                if (there.isEmpty()) {
                    engine.kernels().remove(IMAGE);
                }
            }
        }
        return report;
    }

    /** Debian's, which {@code ./dev setup} fetches. */
    private static Path debian() {
        Path cache = Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                .map(Path::of)
                .orElse(Path.of(System.getProperty("user.home"), ".cache"));
        return cache.resolve("cay/guest-kernel.deb");
    }

    private static SandboxSpec spec(Size memory) {
        return SandboxSpec.image(IMAGE)
                .isolation(Isolation.MICROVM)
                .memory(memory)
                .build();
    }

    private void measure(Workbench bench, Sandboxes engine, Kernels.Info kernel) throws IOException {
        List<String> command = BareGuest.command(bench, kernel);
        List<Case> cases = new ArrayList<>();
        add(cases, new Case("cold", 1, this::clear, () -> begin(engine, COLD)));
        add(cases, new Case("bare", 1, this::clear, () -> bare.add(BareGuest.untilFirstCommand(command))));
        if (options.wants("clone")) {
            engine.templates().create(IMAGE, CLONES);
        }
        try {
            List<Long> answers = new ArrayList<>();
            add(cases, new Case("clone", 2, this::clear, () -> {
                Sandbox clone = begin(engine, CLONES);
                answers.add(clone.info().machine().orElseThrow().answered().toNanos());
            }));
            new Rounds(report, LONGEST).run(cases, 1, options.n().orElse(ROUNDS));
            clear();
            report.ratio("cold", "bare", Optional.of(Goal.atMost(1.15)));
            if (!answers.isEmpty()) {
                report.row("clone's first answer", Samples.ofNanoseconds(answers));
                report.ratio("cloneping/cold", "clone's first answer", "cold", Optional.of(Goal.atMost(0.08)));
                report.ratio("cloneexec/cold", "clone", "cold", Optional.of(Goal.atMost(0.20)));
                new VmGuestBench(report).clones(engine, spec(CLONES));
            }
        } finally {
            if (options.wants("clone")) {
                engine.templates().remove(IMAGE);
            }
        }
        if (options.wants("exec") || options.wants("file") || options.wants("ping")) {
            try (Sandbox sandbox = engine.create(spec(COLD))) {
                new VmGuestBench(report).guest(sandbox, options);
            }
        }
        report.figure("stub_bytes", Files.size(STUB), Goal.atMost(32 * 1024));
        report.note("cold is create and '" + String.join(" ", Workbench.COMMAND)
                + "' of ours; bare the same QEMU and kernel"
                + " up to the first command of a busybox script, without disks and without a container around QEMU;"
                + " clone what cold is, of a template that this engine has in memory.");
    }

    private Sandbox begin(Sandboxes engine, Size memory) throws IOException {
        cold.add(engine.create(spec(memory)));
        Runs.exec(cold.getLast(), Runs.COMMAND);
        return cold.getLast();
    }

    private void add(List<Case> cases, Case one) {
        if (options.wants(one.name())) {
            cases.add(one);
        }
    }

    /** Nothing of the case before runs beside the next one. */
    private void clear() {
        while (!cold.isEmpty()) {
            cold.remove().close();
        }
        while (!bare.isEmpty()) {
            bare.remove().destroyForcibly().onExit().join();
        }
    }
}
