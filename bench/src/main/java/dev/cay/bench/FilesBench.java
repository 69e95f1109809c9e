package dev.cay.bench;

import dev.cay.ExecSpec;
import dev.cay.FilePath;
import dev.cay.Sandbox;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Writable;
import dev.cay.WriteOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Copies of a large file and of many small ones, into a running sandbox and out of it, beside podman's. */
final class FilesBench {
    private static final String IN = "in";
    private static final String OUT = "out";
    private static final String SMALL_IN = "small_in";
    private static final String SMALL_OUT = "small_out";
    private static final List<String> WAYS = List.of(IN, OUT, SMALL_IN, SMALL_OUT);
    private static final String PODMAN = "podman ";
    private static final String API = " api";
    private static final String DISK = " disk";
    private static final Duration LONGEST = Duration.ofSeconds(150);
    private static final int ROUNDS = 5;
    private static final int WARMUP = 1;
    private static final long LARGE_BYTES = 100_000_000;
    private static final int SMALL_FILES = 10_000;
    private static final int FOLDERS = 100;
    private static final Size WRITABLE = Size.gib(2);

    /** What there is to be copied out. */
    private static final String LARGE = "/large";

    private static final String SMALL = "/small";

    /** Where copies go. */
    private static final String TARGET = "/target";

    /** Many files are moved aside: see {@link Workbench#setAside}. */
    private static final List<String> CLEAR = List.of(
            "/bin/busybox",
            "sh",
            "-c",
            "if [ -d @ ]; then /bin/busybox mv @ $(/bin/busybox mktemp -d /aside.XXXXXX); else /bin/busybox rm -f @; fi"
                    .replace("@", TARGET));

    private final Options options;
    private final Report report;
    private final Workbench bench;
    private final Corpus corpus;
    private final Path archive;
    private final Path hostTarget;
    private final List<Case> cases = new ArrayList<>();

    private FilesBench(Options options, Report report, Workbench bench) throws IOException {
        this.options = options;
        this.report = report;
        this.bench = bench;
        corpus = Corpus.make(bench.directory().resolve("corpus"), LARGE_BYTES, SMALL_FILES, FOLDERS);
        archive = bench.archive(corpus.small(), "small.tar");
        hostTarget = bench.directory().resolve("target");
    }

    static Report run(Options options) throws IOException {
        options.check(names());
        Report report = new Report(
                "files",
                LARGE_BYTES / 1_000_000 + " MB in one file, and " + SMALL_FILES + " files of 1 to 4 KiB in " + FOLDERS
                        + " directories, into a running sandbox and out of it");
        try (Workbench bench = Workbench.open();
                Sandboxes engine = Sandboxes.local()) {
            new FilesBench(options, report, bench).measure(engine);
        }
        for (String way : WAYS) {
            report.ratio(way + "/podman", way, PODMAN + way, Optional.of(Goal.atMost(0.70)));
            report.ratio(way + API + "/podman", way + API, PODMAN + way, Optional.empty());
        }
        report.ratio(IN + DISK + "/podman", IN + DISK, PODMAN + IN, Optional.empty());
        report.ratio(SMALL_IN + DISK + "/podman", SMALL_IN + DISK, PODMAN + SMALL_IN, Optional.empty());
        report.note("'" + IN
                + "' and so on are whole processes of 'cay cp', as podman's are of 'podman cp'. Each writes to"
                + " where its changes go unless told otherwise: ours to memory, podman's to the disk; '" + IN + DISK
                + "' is ours with --writable on the same disk. Before each the disk is synced. Ours syncs what it writes,"
                + " podman does not. Copies of many files are moved aside, not removed, before the next.");
        report.note(
                "'" + IN + API + "' and so on are the same from a Java program that runs already; many small ones go"
                        + " through a tar archive that is there, and out into one.");
        return report;
    }

    private static List<String> names() {
        List<String> names = new ArrayList<>(WAYS);
        WAYS.forEach(way -> names.add(PODMAN + way));
        WAYS.forEach(way -> names.add(way + API));
        names.addAll(List.of(IN + DISK, SMALL_IN + DISK));
        return names;
    }

    private void measure(Sandboxes engine) throws IOException {
        Product product = Product.installed();
        try (Sandbox sandbox = detached(product, engine, new Writable.Tmpfs(WRITABLE));
                Sandbox onDisk = detached(
                        product,
                        engine,
                        new Writable.Directory(bench.directory().resolve("writable")))) {
            fill(sandbox.files());
            in(product, sandbox, "");
            out(product, sandbox);
            in(product, onDisk, DISK);
            apiIn(sandbox);
            apiOut(sandbox.files());
            List<String> podmans =
                    WAYS.stream().map(PODMAN::concat).filter(options::wants).toList();
            if (!podmans.isEmpty()) {
                Podman.find(bench, report, podmans).ifPresent(podman -> podman(podman, podmans));
            }
            new Rounds(report, LONGEST)
                    .run(cases, options.warmup().orElse(WARMUP), options.n().orElse(ROUNDS));
        }
    }

    private Sandbox detached(Product product, Sandboxes engine, Writable writable) {
        return Runs.detached(
                bench, product, engine, SandboxSpec.directory(bench.root()).writable(writable));
    }

    private void fill(SandboxFiles files) throws IOException {
        try (InputStream large = Files.newInputStream(corpus.large());
                InputStream tar = Files.newInputStream(archive)) {
            files.write(FilePath.of(LARGE), large, WriteOptions.STANDARD);
            files.makeDirectory(FilePath.of(SMALL), 0755, false);
            files.unpack(FilePath.of(SMALL), tar);
        }
    }

    private void in(Product product, Sandbox sandbox, String suffix) {
        String target = sandbox.id() + ":" + TARGET;
        Case.Step prepare = () -> clear(sandbox);
        program(
                IN + suffix,
                prepare,
                product.command("cp", corpus.large().toString(), target),
                () -> Runs.exec(sandbox, check(corpus.largeBytes())));
        program(
                SMALL_IN + suffix,
                prepare,
                product.command("cp", corpus.small().toString(), target),
                () -> Runs.exec(sandbox, check(corpus.smallBytes())));
    }

    private void out(Product product, Sandbox sandbox) {
        String source = sandbox.id() + ":";
        String target = hostTarget.toString();
        program(OUT, this::clearHost, product.command("cp", source + LARGE, target), () -> checkHost(LARGE_BYTES));
        program(
                SMALL_OUT,
                this::clearHost,
                product.command("cp", source + SMALL, target),
                () -> checkHost(corpus.smallBytes()));
    }

    private void apiIn(Sandbox sandbox) {
        SandboxFiles files = sandbox.files();
        FilePath target = FilePath.of(TARGET);
        here(
                IN + API,
                () -> clear(sandbox),
                () -> {
                    try (InputStream large = Files.newInputStream(corpus.large())) {
                        files.write(target, large, WriteOptions.STANDARD);
                    }
                },
                () -> Runs.exec(sandbox, check(corpus.largeBytes())));
        here(
                SMALL_IN + API,
                () -> clear(sandbox),
                () -> {
                    try (InputStream tar = Files.newInputStream(archive)) {
                        files.makeDirectory(target, 0755, false);
                        files.unpack(target, tar);
                    }
                },
                () -> Runs.exec(sandbox, check(corpus.smallBytes())));
    }

    private void apiOut(SandboxFiles files) {
        here(
                OUT + API,
                this::clearHost,
                () -> {
                    try (InputStream large = files.read(LARGE)) {
                        Files.copy(large, hostTarget);
                    }
                },
                () -> checkHost(LARGE_BYTES));
        here(
                SMALL_OUT + API,
                this::clearHost,
                () -> {
                    try (OutputStream tar = Files.newOutputStream(hostTarget)) {
                        files.pack(FilePath.of(SMALL), tar);
                    }
                },
                () -> {
                    if (Files.size(hostTarget) < corpus.smallBytes()) {
                        throw new IOException("the archive is too small");
                    }
                });
    }

    private void podman(Podman podman, List<String> wanted) {
        Case.Step prepare = () -> {
            bench.tools().must(podman.exec(CLEAR));
            settle();
        };
        try {
            podman.startSleeper();
            bench.tools().must(podman.copyIn(corpus.large(), LARGE));
            bench.tools().must(podman.copyIn(corpus.small(), SMALL));
        } catch (IOException e) {
            wanted.forEach(name -> report.failed(name, String.valueOf(e.getMessage())));
            return;
        }
        program(
                PODMAN + IN,
                prepare,
                podman.copyIn(corpus.large(), TARGET),
                () -> bench.tools().must(podman.exec(count(corpus.largeBytes()))));
        program(
                PODMAN + SMALL_IN,
                prepare,
                podman.copyIn(corpus.small(), TARGET),
                () -> bench.tools().must(podman.exec(count(corpus.smallBytes()))));
        program(PODMAN + OUT, this::clearHost, podman.copyOut(LARGE, hostTarget), () -> checkHost(LARGE_BYTES));
        program(
                PODMAN + SMALL_OUT,
                this::clearHost,
                podman.copyOut(SMALL, hostTarget),
                () -> checkHost(corpus.smallBytes()));
    }

    private void program(String name, Case.Step prepare, Tools.Command command, Case.Step check) {
        add(
                new Case(name, 0, prepare, () -> bench.tools().run(command)),
                () -> bench.tools().must(command),
                check);
    }

    private void here(String name, Case.Step prepare, Case.Step run, Case.Step check) {
        add(Case.here(name, prepare, run), run, check);
    }

    /**
     * Runs it once untimed, and looks whether everything has arrived: nothing is fast that leaves out something.
     *
     * @param first the same work, for the first time: it may be slower and say more when it fails
     */
    private void add(Case one, Case.Step first, Case.Step check) {
        if (!options.wants(one.name())) {
            return;
        }
        try {
            one.prepare().run();
            first.run();
            check.run();
            cases.add(one);
        } catch (Exception e) {
            report.failed(one.name(), String.valueOf(e.getMessage()));
        }
    }

    private static ExecSpec check(long bytes) {
        return ExecSpec.builder(count(bytes)).build();
    }

    /** A command that succeeds if there are so many bytes in all files of the target together. */
    private static List<String> count(long bytes) {
        String busybox = "/bin/busybox ";
        return List.of(
                "/bin/busybox",
                "sh",
                "-c",
                "test $(" + busybox + "find " + TARGET + " -type f | " + busybox + "xargs " + busybox + "cat | "
                        + busybox + "wc -c) = " + bytes);
    }

    private void checkHost(long bytes) throws IOException {
        long arrived = Corpus.bytesIn(hostTarget);
        if (arrived != bytes) {
            throw new IOException("of " + bytes + " bytes " + arrived + " arrived");
        }
    }

    private void clear(Sandbox sandbox) throws IOException {
        Runs.exec(sandbox, ExecSpec.builder(CLEAR).build());
        settle();
    }

    private void clearHost() throws IOException {
        if (Files.isDirectory(hostTarget)) {
            bench.setAside(hostTarget);
        } else {
            Files.deleteIfExists(hostTarget);
        }
        settle();
    }

    /** What the case before has left to the disk is not at the expense of the next one. */
    private void settle() throws IOException {
        bench.tools().run(Tools.Command.of(bench.hostBusybox().toString(), "sync"));
    }
}
