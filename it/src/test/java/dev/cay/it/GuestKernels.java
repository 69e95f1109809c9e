package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.ImageConfig;
import dev.cay.Kernels;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The kernel that machines boot in tests, and what runs them. */
final class GuestKernels {
    private GuestKernels() {}

    /** Debian's package, which {@code ./dev setup} fetches. */
    static Path debian() {
        Path file = fetched("guest-kernel.deb");
        assertThat(Files.exists(file)).as("%s: ./dev setup fetches it", file).isTrue();
        return file;
    }

    /** A libkrunfw, if {@code ./dev setup} could fetch one. */
    static Path krun() {
        Path file = fetched("libkrunfw.so");
        assumeTrue(Files.exists(file), file + " is not there: ./dev setup says why");
        return file;
    }

    /** The program of the first process. */
    static Path stub() {
        return Path.of(System.getProperty("cay.root", ".."), "guest/src/main/resources/dev/cay/guest/stub-x86_64");
    }

    private static Path fetched(String name) {
        return Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                .map(Path::of)
                .orElse(Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("cay")
                .resolve(name);
    }

    /** Makes Debian's kernel the one that machines boot, until it is closed. */
    static Preferred prefer(Sandboxes engine, String name) {
        Optional<String> before = engine.kernels().list().stream()
                .filter(Kernels.Info::preferred)
                .map(Kernels.Info::name)
                .findFirst();
        engine.kernels().add(List.of(debian()), Optional.of(name));
        engine.kernels().prefer(name);
        return () -> {
            engine.kernels().remove(name);
            before.ifPresent(engine.kernels()::prefer);
        };
    }

    /** A kernel that was made the preferred one. */
    interface Preferred extends AutoCloseable {
        @Override
        void close();
    }

    /** Makes an image of a small root file system. */
    static void importSmall(Sandboxes engine, String name) throws IOException {
        importRoot(engine, name, Lab.smallRoot());
    }

    /** Makes an image of a directory, which asks for nothing. */
    static void importRoot(Sandboxes engine, String name, Path root) throws IOException {
        Path archive = Lab.directory().resolve(name + ".tar");
        Lab.onHost("tar", "-C", root.toString(), "--numeric-owner", "-cf", archive.toString(), ".");
        ImageConfig config = ImageConfig.empty(ImageConfig.Platform.parse("linux/amd64"));
        try (InputStream stream = Files.newInputStream(archive)) {
            engine.images().importRoot(stream, Optional.of(name), config);
        }
    }

    /** Puts more names of busybox into a root file system. */
    static void link(Path root, String... programs) throws IOException {
        for (String name : programs) {
            Files.createSymbolicLink(root.resolve("bin").resolve(name), Path.of("busybox"));
        }
    }

    /** The VMMs that this process has started. */
    static Set<ProcessHandle> vmms() {
        return ProcessHandle.current()
                .descendants()
                .filter(process -> process.info().command().orElse("").contains("qemu-system"))
                .collect(Collectors.toCollection(HashSet::new));
    }
}
