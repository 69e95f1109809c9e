package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.ImageConfig;
import dev.cay.Sandboxes;
import dev.cay.engine.container.Places;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.KernelStore;
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

    /** The name of Debian's among the kernels of this machine. */
    static final String DEBIAN = "cay-it-debian";

    private static Optional<GuestKernel> debian = Optional.empty();
    private static Optional<String> preferredBefore = Optional.empty();

    /** Debian's package, which {@code ./dev setup} fetches. */
    static Path debianPackage() {
        Path file = fetched("guest-kernel.deb");
        assertThat(Files.exists(file)).as("%s: ./dev setup fetches it", file).isTrue();
        return file;
    }

    /**
     * Debian's kernel, which is what machines boot from the first call on until all tests are done: one for all of them, since unpacking
     * it takes seconds.
     */
    static synchronized GuestKernel debian() throws IOException {
        if (debian.isEmpty()) {
            KernelStore store = KernelStore.open(directory());
            preferredBefore = KernelStore.preferred(directory()).filter(name -> !name.equals(DEBIAN));
            if (store.list().stream().anyMatch(info -> info.name().equals(DEBIAN))) { // tests have been killed
                store.remove(DEBIAN);
            }
            store.add(List.of(debianPackage()), Optional.of(DEBIAN));
            store.prefer(DEBIAN);
            debian = Optional.of(store.find(Optional.of(DEBIAN)));
        }
        return debian.get();
    }

    /** Leaves this machine's kernels as they were. */
    static synchronized void forget() throws IOException {
        if (debian.isPresent()) {
            KernelStore store = KernelStore.open(directory());
            store.remove(DEBIAN);
            preferredBefore.ifPresent(store::prefer);
            debian = Optional.empty();
        }
    }

    /** Where the engine has them. */
    private static Path directory() throws IOException {
        return Places.ofThisUser().data().resolve(KernelStore.NAME);
    }

    /** A libkrunfw, if {@code ./dev setup} could fetch one. */
    static Path krun() {
        Path file = fetched("libkrunfw.so");
        assumeTrue(Files.exists(file), file + " is not there: ./dev setup says why");
        return file;
    }

    /** Two, if this machine can run as many at once. */
    static int processors() {
        return Math.min(2, Runtime.getRuntime().availableProcessors());
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
