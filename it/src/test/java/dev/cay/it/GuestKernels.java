package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The kernel that machines boot in tests, and what runs them. */
final class GuestKernels {
    private GuestKernels() {}

    /** Debian's package, which {@code ./dev setup} fetches. */
    static Path debian() {
        Path cache = Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                .map(Path::of)
                .orElse(Path.of(System.getProperty("user.home"), ".cache"));
        Path file = cache.resolve("cay/guest-kernel.deb");
        assertThat(Files.exists(file)).as("%s: ./dev setup fetches it", file).isTrue();
        return file;
    }

    /** The VMMs that this process has started. */
    static Set<ProcessHandle> vmms() {
        return ProcessHandle.current()
                .descendants()
                .filter(process -> process.info().command().orElse("").contains("qemu-system"))
                .collect(Collectors.toCollection(HashSet::new));
    }
}
