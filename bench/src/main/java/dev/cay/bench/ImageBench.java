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
    private static final List<String> CASES = List.of(PULL, PODMAN_PULL, UMOCI, FIRST_RUN, HOST, LAYERS_20, LAYERS_1);
    private static final Path STORE = Path.of("/var/lib/cay/images");
    private static final Duration LONGEST_PULLS = Duration.ofSeconds(240);
    private static final Duration LONGEST_RUNS = Duration.ofSeconds(90);
    private static final int PULLS = 5;
    private static final int RUNS = 20;
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
            image.runs();
            image.rate();
        }
        return report;
    }

    /** Each begins without the image. */
    private void pulls() throws IOException {
        List<Case> cases = new ArrayList<>();
        Tools.Command pull = product.command("pull", "-q", registry.base());
        if (options.wants(PULL)) {
            cases.add(new Case(PULL, WARMUP, this::forget, () -> bench.tools().run(pull)));
        }
        Optional<Podman> podman =
                options.wants(PODMAN_PULL) ? Podman.find(bench, report, List.of(PODMAN_PULL)) : Optional.empty();
        podman.ifPresent(found -> cases.add(new Case(
                PODMAN_PULL,
                WARMUP,
                () -> bench.tools().attempt(found.removeImage(registry.base())),
                () -> bench.tools().run(found.pull(registry.base())))));
        if (options.wants(UMOCI)) {
            cases.add(new Case(
                    UMOCI, WARMUP, this::forgetUnpacked, () -> bench.tools().run(unpack())));
        }
        new Rounds(report, LONGEST_PULLS)
                .run(cases, options.warmup().orElse(WARMUP), options.n().orElse(PULLS));
        if (podman.isPresent() && options.wants(PULL)) {
            disk(podman.get(), pull);
        }
    }

    private void disk(Podman podman, Tools.Command pull) throws IOException {
        forget();
        bench.tools().attempt(podman.removeImage(registry.base()));
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
            bench.tools().must(shell("rm -rf " + bench.directory().resolve(name)));
        }
    }

    private void forget() throws IOException {
        for (String image : List.of(registry.base(), registry.layered())) {
            bench.tools().attempt(product.command("image", "rm", image));
        }
    }

    private void runs() throws IOException {
        List<Case> cases = new ArrayList<>();
        if (options.wants(FIRST_RUN)) {
            Tools.Command first = product.command("run", "--pull=never", registry.base(), "true");
            cases.add(new Case(
                    FIRST_RUN,
                    WARMUP,
                    () -> {
                        bench.tools().attempt(product.command("image", "rm", registry.base()));
                        bench.tools().must(product.command("pull", "-q", registry.base()));
                    },
                    () -> bench.tools().run(first)));
        }
        program(cases, HOST, product.command("run", "--", "true"));
        new Rounds(report, LONGEST_RUNS).run(cases, WARMUP, options.n().orElse(PULLS));
        List<Case> layers = new ArrayList<>();
        bench.tools().must(product.command("pull", "-q", registry.base()));
        bench.tools().must(product.command("pull", "-q", registry.layered()));
        program(layers, LAYERS_1, product.command("run", "--pull=never", registry.base(), "true"));
        program(layers, LAYERS_20, product.command("run", "--pull=never", registry.layered(), "true"));
        new Rounds(report, LONGEST_RUNS).run(layers, WARMUP, options.n().orElse(RUNS));
    }

    private void program(List<Case> cases, String name, Tools.Command command) {
        if (options.wants(name)) {
            cases.add(Case.program(name, () -> bench.tools().run(command)));
        }
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
        report.ratio("firstrun/host", FIRST_RUN, HOST, Optional.of(Goal.atMost(1.20)));
        report.ratio("layers20/layers1", LAYERS_20, LAYERS_1, Optional.of(Goal.atMost(1.50)));
        report.note(
                "The image is made of this machine's packages of priority required to standard, and what they need: "
                        + registry.contents()
                        + ". All pull it from the same registry on 127.0.0.1, without TLS; the files are in"
                        + " memory, the processes are new each time.");
    }
}
