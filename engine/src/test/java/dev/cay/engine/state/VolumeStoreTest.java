package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Volumes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class VolumeStoreTest {
    @TempDir
    private Path base;

    private final Set<String> sandboxes = ConcurrentHashMap.newKeySet();
    private VolumeStore volumes;

    @BeforeEach
    void here() throws IOException {
        volumes = open();
    }

    private VolumeStore open() throws IOException {
        return VolumeStore.open(base, sandboxes::contains, (file, size) -> Files.writeString(file, "image of " + size));
    }

    @Test
    void aVolumeIsMadeListedAndRemoved() throws IOException {
        assertThat(volumes.create("web", Optional.empty()))
                .isEqualTo(new Volumes.Info("web", Optional.empty(), List.of()));
        volumes.create("data", Optional.of(Size.mib(5)));
        assertThat(open().list())
                .containsExactly(
                        new Volumes.Info("data", Optional.of(Size.mib(5)), List.of()),
                        new Volumes.Info("web", Optional.empty(), List.of()));
        assertThat(base.resolve("data/data.img")).hasContent("image of 5m");
        Files.createDirectories(base.resolve("web/data/a/b"));
        volumes.remove("web");
        volumes.remove("data");
        assertThat(Directories.names(base)).containsExactly(".lock");
        assertThatThrownBy(() -> volumes.remove("web")).isInstanceOf(SandboxException.NotFound.class);
    }

    @Test
    void whoUsesAVolumeAloneIsAlone() {
        sandboxes.addAll(Set.of("aaaa", "bbbb"));
        assertThatThrownBy(() -> volumes.useAlone("data", "aaaa")).isInstanceOf(SandboxException.NotFound.class);
        volumes.create("web", Optional.empty());
        assertThatThrownBy(() -> volumes.useAlone("web", "aaaa")).isInstanceOf(SandboxException.InvalidSpec.class);
        volumes.create("data", Optional.of(Size.mib(5)));
        assertThat(volumes.useAlone("data", "aaaa")).hasContent("image of 5m");
        assertThat(volumes.useAlone("data", "aaaa")).exists();
        for (VolumeStore store : List.of(volumes, restarted())) {
            assertThatThrownBy(() -> store.use("data", "bbbb")).isInstanceOf(SandboxException.Conflict.class);
            assertThatThrownBy(() -> store.useAlone("data", "bbbb")).isInstanceOf(SandboxException.Conflict.class);
        }
        volumes.release("data", "aaaa");
        volumes.use("data", "bbbb");
        assertThatThrownBy(() -> volumes.useAlone("data", "aaaa")).isInstanceOf(SandboxException.Conflict.class);
        volumes.use("data", "aaaa");
        sandboxes.clear();
        assertThat(volumes.useAlone("data", "bbbb")).as("the dead use nothing").exists();
    }

    private VolumeStore restarted() {
        try {
            return open();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aNameIsOneVolumes() {
        volumes.create("web", Optional.empty());
        assertThatThrownBy(() -> volumes.create("web", Optional.of(Size.mib(5))))
                .isInstanceOf(SandboxException.Conflict.class);
        assertThat(volumes.list()).hasSize(1);
        for (String name : List.of("", ".", "..", ".lock", "a/b", "../web")) {
            assertThatThrownBy(() -> volumes.create(name, Optional.empty()))
                    .isInstanceOf(SandboxException.InvalidSpec.class);
            assertThatThrownBy(() -> volumes.remove(name)).isInstanceOf(SandboxException.InvalidSpec.class);
            assertThatThrownBy(() -> volumes.use(name, "abcd")).isInstanceOf(SandboxException.InvalidSpec.class);
        }
        assertThatThrownBy(() -> volumes.use("web", "../../x")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatIsUsedIsNotRemoved() {
        sandboxes.addAll(List.of("aaaa", "bbbb"));
        volumes.create("data", Optional.of(Size.mib(5)));
        VolumeStore.Place place = volumes.use("data", "aaaa");
        volumes.use("data", "bbbb");
        assertThat(place.data()).isDirectory();
        assertThat(place.image()).hasValue(base.resolve("data/data.img"));
        assertThat(volumes.list()).extracting(Volumes.Info::users).containsExactly(List.of("aaaa", "bbbb"));
        assertThatThrownBy(() -> volumes.remove("data"))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("the volume data is used by aaaa, bbbb");

        volumes.release("data", "aaaa");
        volumes.release("data", "aaaa");
        sandboxes.remove("bbbb"); // this machine was restarted
        assertThat(volumes.list()).extracting(Volumes.Info::users).containsExactly(List.of());
        volumes.remove("data");
        volumes.release("data", "bbbb");
    }

    @Test
    void theFirstUserMakesIt() {
        sandboxes.add("aaaa");
        VolumeStore.Place place = volumes.use("data", "aaaa");
        assertThat(place.image()).isEmpty();
        assertThat(place.data()).isEqualTo(base.resolve("data/data")).isDirectory();
        assertThat(volumes.use("data", "aaaa")).isEqualTo(place);
    }

    @Test
    void aFailureLeavesNothing() throws IOException {
        VolumeStore broken = VolumeStore.open(base, sandboxes::contains, (file, size) -> {
            throw new IOException("no space");
        });
        assertThatThrownBy(() -> broken.create("data", Optional.of(Size.mib(5))))
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessage("cannot make data: no space");
        assertThatThrownBy(() -> volumes.create("data", Optional.of(Size.kib(5))))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThat(Directories.names(base)).isEmpty();
    }

    @Test
    void manyAtOnceUseAndRemoveIt() throws Exception {
        AtomicInteger removed = new AtomicInteger();
        List<Future<Void>> threads = new ArrayList<>();
        sandboxes.addAll(List.of("aaa0", "aaa1", "aaa2"));
        try (ExecutorService executor = Executors.newFixedThreadPool(4)) {
            for (int i = 0; i < 3; i++) {
                String id = "aaa" + i;
                threads.add(executor.submit(() -> {
                    VolumeStore mine = open();
                    for (int round = 0; round < 30; round++) {
                        VolumeStore.Place place = mine.use("data", id);
                        assertThat(place.data()).isDirectory();
                        mine.release("data", id);
                    }
                    return null;
                }));
            }
            threads.add(executor.submit(() -> {
                VolumeStore mine = open();
                for (int round = 0; round < 60; round++) {
                    try {
                        mine.remove("data");
                        removed.incrementAndGet();
                    } catch (SandboxException.NotFound | SandboxException.Conflict e) {
                        // not now
                    }
                }
                return null;
            }));
        }
        for (Future<Void> thread : threads) {
            thread.get();
        }
        assertThat(new HashSet<>(Directories.names(base))).isSubsetOf(".lock", "data");
    }

    @Test
    void leftoversGo() throws IOException {
        Files.createDirectories(base.resolve(".new-data-1/data"));
        Files.createDirectories(base.resolve(".gone-data-1/data"));
        volumes.sweep(Instant.now().minusSeconds(60));
        assertThat(Directories.names(base)).containsExactly(".new-data-1");
        volumes.sweep(Instant.now().plusSeconds(60));
        assertThat(Directories.names(base)).isEmpty();
    }

    @Test
    void anImageIsAFileSystemWithNothingInIt() throws IOException {
        assumeTrue(Files.isExecutable(Path.of("/usr/sbin/mke2fs")));
        for (Size size : List.of(VolumeStore.MINIMUM, Size.mib(64))) {
            Path image = base.resolve("image");
            VolumeImage.ext4().make(image, size);
            assertThat(Files.size(image)).isEqualTo(size.bytes());
            Process list = new ProcessBuilder("/usr/sbin/debugfs", "-R", "ls -p /", image.toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String entries = new String(list.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(entries).contains("/2/040755/0/0/./").doesNotContain("lost");
            Files.delete(image);
        }
    }
}
