package dev.cay.bench;

import dev.cay.ImageConfig;
import dev.cay.Isolation;
import dev.cay.Kernels;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.linux.HostKernel;
import dev.cay.linux.TimestampCounter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A microVM from nothing to its first command, beside the same QEMU and the same kernel with nothing but busybox; and a command in
 * one that runs.
 */
final class VmBench {
    private static final String IMAGE = "cay-bench-vm";
    private static final List<String> CASES = List.of("cold", "bare", "exec");
    private static final Duration LONGEST = Duration.ofSeconds(150);
    private static final int ROUNDS = 6;
    private static final int EXECUTIONS = 100;

    /** Where the engine keeps kernels: of the bare one only the file is needed. */
    private static final Path KERNELS = Path.of("/var/lib/cay/kernels");

    private static final Path STUB = Path.of("guest/src/main/resources/dev/cay/guest/stub-x86_64");

    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox mount -t devtmpfs d /dev
            while read -r module; do /bin/busybox insmod "$module"; done < /modules
            /bin/busybox true && echo first-command > /dev/console
            while :; do /bin/busybox sleep 1000; done
            """;

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
            Kernels.Info kernel = engine.kernels().list().stream()
                    .filter(Kernels.Info::preferred)
                    .findFirst()
                    .orElseThrow(() ->
                            new IOException("there is no kernel: ./cay kernel add ~/.cache/cay/guest-kernel.deb"));
            Path archive = bench.directory().resolve("root.tar");
            execute(List.of("tar", "-C", bench.root().toString(), "-cf", archive.toString(), "."));
            try (InputStream stream = Files.newInputStream(archive)) {
                engine.images().importRoot(stream, Optional.of(IMAGE), config());
            }
            try {
                vm.measure(bench, engine, kernel);
            } finally {
                vm.cold.forEach(Sandbox::close);
                vm.bare.forEach(Process::destroyForcibly);
                engine.images().remove(IMAGE);
            }
        }
        return report;
    }

    private static ImageConfig config() {
        return new ImageConfig(
                ImageConfig.Platform.parse("linux/amd64"),
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of());
    }

    private void measure(Workbench bench, Sandboxes engine, Kernels.Info kernel) throws IOException {
        SandboxSpec spec = SandboxSpec.image(IMAGE)
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(256))
                .build();
        List<String> command = bareCommand(bench, kernel);
        List<Case> cases = new ArrayList<>();
        add(cases, new Case("cold", 1, this::clear, () -> {
            cold.add(engine.create(spec));
            Runs.exec(cold.getLast(), Runs.COMMAND);
        }));
        add(cases, new Case("bare", 1, this::clear, () -> bare.add(untilFirstCommand(command))));
        new Rounds(report, LONGEST).run(cases, 1, options.n().orElse(ROUNDS));
        clear();
        report.ratio("cold", "bare", Optional.of(Goal.atMost(1.15)));
        if (options.wants("exec")) {
            try (Sandbox sandbox = engine.create(spec)) {
                new Rounds(report, LONGEST)
                        .run(
                                List.of(Case.here("exec", () -> Runs.exec(sandbox, Runs.COMMAND))),
                                EXECUTIONS / 4,
                                EXECUTIONS);
            }
        }
        report.figure("stub_bytes", Files.size(STUB));
        report.note("cold is create and '" + String.join(" ", Workbench.COMMAND)
                + "' of ours; bare the same QEMU and kernel"
                + " up to the first command of a busybox script, without disks and without a container around QEMU.");
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

    private static List<String> bareCommand(Workbench bench, Kernels.Info kernel) throws IOException {
        Path home = KERNELS.resolve(kernel.name());
        Path tree = Files.createDirectories(bench.directory().resolve("bare"));
        Files.createDirectories(tree.resolve("dev"));
        Files.createDirectories(tree.resolve("bin"));
        Files.copy(bench.root().resolve("bin/busybox"), tree.resolve("bin/busybox"));
        Files.writeString(tree.resolve("init"), INIT);
        StringBuilder modules = new StringBuilder();
        try (var files = Files.list(home.resolve("modules"))) {
            for (Path module : files.sorted().toList()) {
                Files.copy(module, tree.resolve(module.getFileName().toString()));
                modules.append('/').append(module.getFileName()).append('\n');
            }
        }
        Files.writeString(tree.resolve("modules"), modules.toString());
        Path initramfs = bench.directory().resolve("bare.cpio");
        execute(List.of(
                "sh",
                "-c",
                "cd \"$1\" && chmod 755 init bin/busybox && find . | busybox cpio -o -H newc > \"$2\"",
                "sh",
                tree.toString(),
                initramfs.toString()));
        long kilohertz;
        try (HostKernel host = new HostKernel()) {
            kilohertz = TimestampCounter.kilohertz(host);
        }
        return List.of(
                "qemu-system-x86_64",
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-machine",
                "microvm,acpi=on,rtc=on,isa-serial=on",
                "-accel",
                "tcg,tb-size=128",
                "-cpu",
                "max",
                "-m",
                "256M",
                "-kernel",
                home.resolve("vmlinux").toString(),
                "-initrd",
                initramfs.toString(),
                "-append",
                "console=ttyS0 quiet panic=-1 tsc_early_khz=" + kilohertz + " tsc=reliable cryptomgr.notests"
                        + " initcall_blacklist=init_kprobe_trace,load_system_certificate_list",
                "-serial",
                "stdio");
    }

    private static Process untilFirstCommand(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        BufferedReader console =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        StringBuilder said = new StringBuilder();
        for (String line = console.readLine(); line != null; line = console.readLine()) {
            if (line.contains("first-command")) {
                return process;
            }
            said.append(line).append('\n');
        }
        throw new IOException("the bare guest did not come up: " + said);
    }

    private static void execute(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.onExit().join().exitValue() != 0) {
            throw new IOException(command.getFirst() + ": " + said);
        }
    }
}
