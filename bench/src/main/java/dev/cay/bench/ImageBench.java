package dev.cay.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Images: from a registry on this machine until they can be run, beside podman pull and skopeo with umoci; what they take of the
 * disk; the first command in them, and one in an image of twenty layers.
 */
final class ImageBench {
    private static final String PULL = "pull";
    private static final String PODMAN_PULL = "podman pull";
    private static final String UMOCI = "skopeo + umoci";
    private static final String FIRST_RUN = "first run";
    private static final String HOST = "run host";
    private static final String LAYERS_20 = "20 layers";
    private static final String LAYERS_1 = "1 layer";
    private static final String OUR_EROFS = "import";
    private static final String MKFS = "tar + mkfs.erofs";
    private static final String MKFS_ALONE = "mkfs.erofs";

    /** Without what the kernel keeps in memory of files. */
    private static final String COLD = " cold";

    private static final List<String> CASES = List.of(
            PULL,
            PODMAN_PULL,
            UMOCI,
            PULL + COLD,
            PODMAN_PULL + COLD,
            UMOCI + COLD,
            OUR_EROFS,
            MKFS,
            MKFS_ALONE,
            FIRST_RUN,
            HOST,
            FIRST_RUN + COLD,
            HOST + COLD,
            LAYERS_20,
            LAYERS_1);
    private static final Path STORE = Path.of("/var/lib/cay/images");
    private static final Duration LONGEST_PULLS = Duration.ofSeconds(240);
    private static final Duration LONGEST_RUNS = Duration.ofSeconds(90);
    private static final int PULLS = 5;
    private static final int RUNS = 20;
    private static final int COLD_ROUNDS = 3;
    private static final int WARMUP = 1;

    private final Options options;
    private final Report report;
    private final Workbench bench;
    private final Product product;
    private final Registry registry;

    private ImageBench(Options options, Report report, Workbench bench, Product product, Registry registry) {
        this.options = options;
        this.report = report;
        this.bench = bench;
        this.product = product;
        this.registry = registry;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report("image", "an image from a registry to its first command, beside podman and umoci");
        try (Workbench bench = Workbench.open()) {
            Optional<Registry> registry = Registry.open(bench);
            if (registry.isEmpty()) {
                CASES.forEach(report::missing);
                return report;
            }
            ImageBench image = new ImageBench(options, report, bench, Product.installed(), registry.get());
            bench.onClose(image::forget);
            image.pulls();
            image.layers();
            image.runs();
            image.rate();
        }
        return report;
    }

    /** Each begins without the image. */
    private void pulls() throws IOException {
        Tools.Command pull = product.command("pull", "-q", registry.base());
        List<String> theirs = List.of(PODMAN_PULL, PODMAN_PULL + COLD);
        Optional<Podman> podman =
                theirs.stream().anyMatch(options::wants) ? Podman.find(bench, report, theirs) : Optional.empty();
        List<Case> cases = new ArrayList<>(List.of(
                new Case(PULL, WARMUP, this::forget, () -> bench.tools().run(pull)),
                new Case(
                        UMOCI, WARMUP, this::forgetUnpacked, () -> bench.tools().run(unpack()))));
        podman.ifPresent(found -> cases.add(
                1,
                new Case(
                        PODMAN_PULL,
                        WARMUP,
                        found::forgetImages,
                        () -> bench.tools().run(found.pull(registry.base())))));
        rounds(LONGEST_PULLS, settled(cases), options.n().orElse(PULLS));
        rounds(LONGEST_PULLS, cold(cases), Math.min(options.n().orElse(COLD_ROUNDS), COLD_ROUNDS));
        if (podman.isPresent() && options.wants(PULL)) {
            disk(podman.get(), pull);
        }
    }

    private void rounds(Duration longest, List<Case> cases, int n) {
        new Rounds(report, longest)
                .run(
                        cases.stream().filter(one -> options.wants(one.name())).toList(),
                        options.warmup().orElse(WARMUP),
                        n);
    }

    /** The same, with nothing in memory of any file: proc_sys_vm(5), drop_caches. The registry's files are read again too. */
    private List<Case> cold(List<Case> cases) {
        return cases.stream()
                .map(one -> after(one, one.name() + COLD, 0, "sync && echo 3 > /proc/sys/vm/drop_caches"))
                .toList();
    }

    /** The same, when what the case before has left to the disk is there. */
    private List<Case> settled(List<Case> cases) {
        return cases.stream().map(one -> after(one, one.name(), WARMUP, "sync")).toList();
    }

    private Case after(Case one, String name, int warmup, String script) {
        return new Case(
                name,
                warmup,
                () -> {
                    one.prepare().run();
                    bench.tools().must(shell(script));
                },
                one.run());
    }

    /** An archive becomes a layer: by us, checked and entered into the store, and by the format's own tool, which reads directories. */
    private void layers() throws IOException {
        List<Case> cases = new ArrayList<>();
        String archive = registry.archive().toString();
        Tools.Command ours = product.command("image", "import", "cay-bench/layer", "--file", archive);
        cases.add(new Case(
                OUR_EROFS,
                WARMUP,
                () -> bench.tools().attempt(product.command("image", "rm", "cay-bench/layer")),
                () -> bench.tools().run(ours)));
        if (Tools.find("mkfs.erofs").isEmpty()) {
            report.missing(MKFS);
            report.missing(MKFS_ALONE);
        } else {
            Path tree = bench.directory().resolve("tree");
            String unpacked = bench.directory().resolve("tree.kept").toString();
            String unpack = "mkdir %1$s && tar --xattrs --xattrs-include='*' -C %1$s -xf " + archive;
            String make =
                    "mkfs.erofs --quiet -zlz4 -C65536 " + bench.directory().resolve("tree.erofs") + " %1$s";
            bench.tools().must(shell(unpack.formatted(unpacked)));
            cases.add(new Case(
                    MKFS,
                    WARMUP,
                    () -> bench.setAside(tree),
                    () -> bench.tools().run(shell((unpack + " && " + make).formatted(tree)))));
            cases.add(new Case(MKFS_ALONE, WARMUP, () -> {}, () -> bench.tools().run(shell(make.formatted(unpacked)))));
        }
        rounds(LONGEST_PULLS, settled(cases), options.n().orElse(PULLS));
        bench.tools().attempt(product.command("image", "rm", "cay-bench/layer"));
    }

    private void disk(Podman podman, Tools.Command pull) throws IOException {
        forget();
        podman.forgetImages();
        long ours = size(STORE);
        long theirs = size(podman.store());
        bench.tools().must(pull);
        bench.tools().must(podman.pull(registry.base()));
        ours = size(STORE) - ours;
        theirs = size(podman.store()) - theirs;
        report.figure("disk_mb", ours / 1e6);
        report.figure("podman_disk_mb", theirs / 1e6);
        report.ratio("disk/podman", (double) ours / theirs, Optional.of(Goal.atMost(0.70)));
    }

    private Tools.Command unpack() {
        Path layout = bench.directory().resolve("unpacked.oci");
        Path bundle = bench.directory().resolve("unpacked");
        return shell("skopeo copy --quiet --insecure-policy --src-tls-verify=false docker://" + registry.base()
                + " oci:" + layout + ":1 && umoci --log=error unpack --image " + layout + ":1 " + bundle);
    }

    private static Tools.Command shell(String script) {
        return Tools.Command.of("/bin/sh", "-c", script);
    }

    private void forgetUnpacked() throws IOException {
        for (String name : List.of("unpacked.oci", "unpacked")) {
            bench.setAside(bench.directory().resolve(name));
        }
    }

    private void forget() throws IOException {
        for (String image : List.of(registry.base(), registry.layered())) {
            bench.tools().attempt(product.command("image", "rm", image));
        }
    }

    private void runs() throws IOException {
        Tools.Command first = product.command("run", "--pull=never", registry.base(), "true");
        List<Case> cases = List.of(
                new Case(
                        FIRST_RUN,
                        WARMUP,
                        () -> {
                            bench.tools().attempt(product.command("image", "rm", registry.base()));
                            bench.tools().must(product.command("pull", "-q", registry.base()));
                        },
                        () -> bench.tools().run(first)),
                Case.program(HOST, () -> bench.tools().run(product.command("run", "--", "true"))));
        rounds(LONGEST_RUNS, cases, options.n().orElse(PULLS));
        rounds(LONGEST_RUNS, cold(cases), Math.min(options.n().orElse(COLD_ROUNDS), COLD_ROUNDS));
        List<Case> layers = new ArrayList<>();
        bench.tools().must(product.command("pull", "-q", registry.base()));
        bench.tools().must(product.command("pull", "-q", registry.layered()));
        Tools.Command twenty = product.command("run", "--pull=never", registry.layered(), "true");
        layers.add(Case.program(LAYERS_1, () -> bench.tools().run(first)));
        layers.add(Case.program(LAYERS_20, () -> bench.tools().run(twenty)));
        rounds(LONGEST_RUNS, layers, options.n().orElse(RUNS));
    }

    /** What a directory takes of the disk, in bytes. */
    private static long size(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return 0;
        }
        Process process = new ProcessBuilder("du", "-s", "--block-size=1", directory.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        process.getOutputStream().close();
        try (Stream<String> lines = process.inputReader().lines()) {
            return lines.findFirst()
                    .map(line -> Long.parseLong(line.split("\t")[0]))
                    .orElseThrow(() -> new IOException("du says nothing of " + directory));
        }
    }

    private void rate() {
        report.ratio("pull/podman", PULL, PODMAN_PULL, Optional.of(Goal.atMost(0.60)));
        report.ratio("pull/umoci", PULL, UMOCI, Optional.of(Goal.atMost(0.60)));
        report.ratio("pull/podman cold", PULL + COLD, PODMAN_PULL + COLD, Optional.of(Goal.atMost(0.60)));
        report.ratio("pull/umoci cold", PULL + COLD, UMOCI + COLD, Optional.of(Goal.atMost(0.60)));
        report.ratio("erofs/mkfs", OUR_EROFS, MKFS, Optional.of(Goal.atMost(1)));
        report.ratio("erofs/mkfs alone", OUR_EROFS, MKFS_ALONE, Optional.empty());
        report.ratio("firstrun/host", FIRST_RUN, HOST, Optional.of(Goal.atMost(1.20)));
        report.ratio("firstrun/host cold", FIRST_RUN + COLD, HOST + COLD, Optional.of(Goal.atMost(1.20)));
        report.ratio("layers20/layers1", LAYERS_20, LAYERS_1, Optional.of(Goal.atMost(1.50)));
        report.note(
                "The image is made of this machine's packages of priority required to standard, and what they need: "
                        + registry.contents()
                        + ". All pull it from the same registry on 127.0.0.1, without TLS; the files are in"
                        + " memory, but for what is called cold, the processes are new each time. import makes a layer of"
                        + " the uncompressed archive, checked, digested and written to the disk; mkfs.erofs of this machine's"
                        + " version reads no archives but directories, which tar makes first. What they have pulled and unpacked"
                        + " before is moved aside, not removed: ext4 would be slow to make as many files again; and the disk is synced before each.");
    }
}
