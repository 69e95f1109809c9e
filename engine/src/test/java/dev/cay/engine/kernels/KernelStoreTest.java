package dev.cay.engine.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Kernels;
import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import dev.cay.engine.kernels.KernelFiles.Compression;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KernelStoreTest {
    private static final String RELEASE = "6.1.0-9-cloud-amd64";
    private static final KernelLimits LIMITS = new KernelLimits(1 << 20, 1 << 20, 64 << 10, 4 << 20, 100);

    @TempDir
    private Path directory;

    private KernelStore store;

    @BeforeEach
    void open() throws IOException {
        store = KernelStore.open(directory.resolve("kernels"), directory.resolve("libraries"), LIMITS);
    }

    /** As packages have them: no modules.dep. */
    private static Map<String, byte[]> files(Compression image, Compression modules) throws IOException {
        String libraries = "./lib/modules/" + RELEASE + "/";
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("./boot/vmlinuz-" + RELEASE, KernelFiles.bzImage(RELEASE, KernelFiles.vmlinux(RELEASE), image));
        files.put(libraries + "modules.builtin", "kernel/fs/overlayfs/overlay.ko\n".getBytes(StandardCharsets.UTF_8));
        files.put(
                libraries + "kernel/drivers/block/virtio_blk.ko.xz",
                KernelFiles.compress(KernelFiles.module("virtio_blk", "virtio,virtio_ring"), modules));
        files.put(
                libraries + "kernel/drivers/char/virtio_console.ko",
                KernelFiles.module("virtio_console", "virtio_ring,virtio"));
        files.put(libraries + "kernel/drivers/virtio/virtio.ko", KernelFiles.module("virtio", ""));
        files.put(libraries + "kernel/drivers/virtio/virtio_ring.ko", KernelFiles.module("virtio_ring", "virtio"));
        files.put(libraries + "kernel/drivers/char/hw_random/virtio-rng.ko", KernelFiles.module("virtio_rng", ""));
        files.put(libraries + "kernel/fs/erofs/erofs.ko", KernelFiles.module("erofs", ""));
        files.put(libraries + "kernel/net/unwanted.ko", KernelFiles.module("unwanted", ""));
        return files;
    }

    private Path write(String name, byte[] content) throws IOException {
        return Files.write(directory.resolve(name), content);
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void aKernelComesOutOfAPackage(Compression compression) throws IOException {
        Path deb = write("linux.deb", KernelFiles.debian(files(compression, compression), compression));

        Kernels.Info added = store.add(List.of(deb), Optional.empty());

        assertThat(added.name()).isEqualTo(RELEASE);
        assertThat(added.preferred()).isTrue();
        GuestKernel kernel = store.find(Optional.empty());
        assertThat(kernel.release()).isEqualTo(RELEASE);
        assertThat(kernel.vmlinux()).hasBinaryContent(KernelFiles.vmlinux(RELEASE));
        assertThat(kernel.modules().stream().map(file -> file.getFileName().toString()))
                .containsExactly(
                        "01-virtio_rng.ko",
                        "02-virtio.ko",
                        "03-virtio_ring.ko",
                        "04-virtio_console.ko",
                        "05-virtio_blk.ko",
                        "06-erofs.ko");
        assertThat(kernel.modules().get(4)).hasBinaryContent(KernelFiles.module("virtio_blk", "virtio,virtio_ring"));
        try (Stream<Path> left = Files.list(directory.resolve("kernels"))) {
            assertThat(left.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder(RELEASE, "preferred", ".lock");
        }
    }

    @Test
    void theImageAndTheModulesMayBeApart() throws IOException {
        Map<String, byte[]> files = files(Compression.GZIP, Compression.XZ);
        String image = "./boot/vmlinuz-" + RELEASE;
        Path first = write("image.deb", KernelFiles.debian(Map.of(image, files.get(image)), Compression.ZSTD));
        files.remove(image);
        Path second = write("modules.deb", KernelFiles.debian(files, Compression.ZSTD));

        assertThat(store.add(List.of(first, second), Optional.of("ubuntu")).modules())
                .isEqualTo(6);
        assertThat(refused(first)).contains("there is no module virtio_console");
        assertThat(refused(second)).contains("there is no boot/vmlinuz-*");
    }

    @Test
    void anInstalledKernelHasItsModulesBesideIt() throws IOException {
        Path image = write("vmlinuz", KernelFiles.bzImage(RELEASE, KernelFiles.vmlinux(RELEASE), Compression.ZSTD));
        assertThat(refused(image)).contains("its modules are missing");

        for (Map.Entry<String, byte[]> file :
                files(Compression.GZIP, Compression.XZ).entrySet()) {
            if (file.getKey().startsWith("./lib/modules")) {
                Path place =
                        directory.resolve("libraries").resolve(file.getKey().substring("./lib/modules/".length()));
                Files.createDirectories(place.getParent());
                Files.write(place, file.getValue());
            }
        }
        assertThat(store.add(List.of(image), Optional.empty()).modules()).isEqualTo(6);
    }

    @Test
    void aVmlinuxHasAllThatItNeeds() throws IOException {
        Path file = write("vmlinux", KernelFiles.vmlinux("6.12.99"));

        assertThat(store.add(List.of(file), Optional.empty()))
                .isEqualTo(new Kernels.Info("6.12.99", "6.12.99", 0, dev.cay.Size.bytes(8192), true));
    }

    /** What an older version did not look for is said, unless it is there all the same. */
    @Test
    void whatAnOlderVersionDidNotTakeIsSaid() throws IOException {
        Path image = write("vmlinuz", KernelFiles.bzImage(RELEASE, KernelFiles.vmlinux(RELEASE), Compression.ZSTD));
        for (Map.Entry<String, byte[]> file :
                files(Compression.GZIP, Compression.XZ).entrySet()) {
            if (file.getKey().startsWith("./lib/modules")) {
                Path place =
                        directory.resolve("libraries").resolve(file.getKey().substring("./lib/modules/".length()));
                Files.createDirectories(place.getParent());
                Files.write(place, file.getValue());
            }
        }
        assertThat(store.add(List.of(image), Optional.of("k")).lacking()).isEmpty();
        Path kept;
        try (var all = Files.walk(directory)) {
            kept = all.filter(path -> path.endsWith("k/kernel.json"))
                    .findFirst()
                    .orElseThrow();
        }
        Files.writeString(kept, "{\"version\":2,\"release\":\"" + RELEASE + "\",\"acpi\":true}");
        assertThat(store.list())
                .singleElement()
                .satisfies(info -> assertThat(info.lacking()).containsExactly("vmw_vsock_virtio_transport"));
        Files.createFile(kept.resolveSibling("modules").resolve("99-vmw_vsock_virtio_transport.ko"));
        assertThat(store.list())
                .singleElement()
                .satisfies(info -> assertThat(info.lacking()).isEmpty());
    }

    @Test
    void oneIsPreferredUntilItIsRemoved() throws IOException {
        Path file = write("vmlinux", KernelFiles.vmlinux("6.12.99"));
        store.add(List.of(file), Optional.of("a"));
        store.add(List.of(file), Optional.of("b"));
        assertThatThrownBy(() -> store.add(List.of(file), Optional.of("b")))
                .isInstanceOf(SandboxException.Conflict.class);

        store.prefer("b");
        assertThat(store.list().stream().filter(Kernels.Info::preferred).map(Kernels.Info::name))
                .containsExactly("b");
        store.remove("b");
        assertThatThrownBy(() -> store.find(Optional.empty())).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.remove("b")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.prefer("../a")).isInstanceOf(SandboxException.NotFound.class);
        assertThat(store.find(Optional.of("a")).release()).isEqualTo("6.12.99");
    }

    @Test
    void whatIsNoKernelIsRefused() throws IOException {
        byte[] vmlinux = KernelFiles.vmlinux("6.12.99");
        byte[] noNote = vmlinux.clone();
        noNote[512 + 20 + 8] = 7;

        assertThat(refused(write("text", "hello".getBytes(StandardCharsets.UTF_8))))
                .contains("neither a Debian package");
        assertThat(refused(directory.resolve("absent"))).contains("there is no file");
        assertThat(refused(write("no-note", noNote))).contains("PVH");
        assertThat(refused(write("no-pvh", KernelFiles.bzImage(RELEASE, noNote, Compression.XZ))))
                .contains("modules are missing");
        assertThat(refused(write("large", new byte[(2 << 20) + 1]))).contains("neither");
        Map<String, byte[]> two = files(Compression.GZIP, Compression.XZ);
        two.put("./lib/modules/6.2.0/kernel/virtio.ko", KernelFiles.module("virtio", ""));
        assertThat(refused(write("two.deb", KernelFiles.debian(two, Compression.XZ))))
                .contains("two kernels");
        Map<String, byte[]> loop = files(Compression.GZIP, Compression.XZ);
        loop.put("./lib/modules/" + RELEASE + "/kernel/virtio.ko", KernelFiles.module("virtio", "virtio_ring"));
        assertThat(refused(write("loop.deb", KernelFiles.debian(loop, Compression.XZ))))
                .contains("depends on itself");
        Map<String, byte[]> bomb = files(Compression.GZIP, Compression.XZ);
        bomb.put(
                "./lib/modules/" + RELEASE + "/kernel/virtio.ko.xz",
                KernelFiles.compress(new byte[1 << 20], Compression.XZ));
        bomb.remove("./lib/modules/" + RELEASE + "/kernel/drivers/virtio/virtio.ko");
        assertThat(refused(write("bomb.deb", KernelFiles.debian(bomb, Compression.XZ))))
                .contains("more than 0 MiB");
        assertThat(store.list()).isEmpty();
    }

    /** Whatever comes, the answer is a kernel or a refusal, and nothing of it is left. */
    @Test
    void damagedFilesAreRefused() throws IOException {
        List<byte[]> whole = List.of(
                KernelFiles.vmlinux(RELEASE),
                KernelFiles.debian(files(Compression.LZ4, Compression.XZ), Compression.GZIP),
                KernelFiles.debian(files(Compression.ZSTD, Compression.ZSTD), Compression.XZ));
        Seeded.run(random -> {
            for (int round = 0; round < 300; round++) {
                byte[] damaged = whole.get(random.nextInt(whole.size())).clone();
                int changes = random.nextInt(8);
                for (int i = 0; i < changes; i++) {
                    damaged[random.nextInt(random.nextBoolean() ? 600 : damaged.length)] = (byte) random.nextInt();
                }
                int length = random.nextInt(4) == 0 ? random.nextInt(damaged.length) : damaged.length;
                Path file = write("damaged", Arrays.copyOf(damaged, length));
                try {
                    store.remove(store.add(List.of(file), Optional.empty()).name());
                } catch (SandboxException.InvalidSpec e) {
                    assertThat(e.getMessage()).startsWith("no kernel for microVMs in ");
                }
            }
        });
        assertThat(store.list()).isEmpty();
    }

    /** The same behind a compression that does not notice: the numbers in it are lies. */
    @Test
    void damagedModulesAreRefused() {
        Seeded.run(random -> {
            byte[] whole = KernelFiles.module("virtio", "virtio_ring,failover");
            assertThat(ModuleFile.dependencies(whole)).containsExactly("virtio_ring", "failover");
            for (int round = 0; round < 20_000; round++) {
                byte[] damaged = whole.clone();
                for (int i = 0; i < 3; i++) {
                    damaged[random.nextInt(damaged.length)] = (byte) (random.nextBoolean() ? 0xFF : random.nextInt());
                }
                try {
                    ModuleFile.dependencies(damaged);
                } catch (BadKernelException e) {
                    assertThat(e.getMessage()).isNotEmpty();
                }
            }
        });
    }

    private String refused(Path file) {
        try {
            store.add(List.of(file), Optional.empty());
        } catch (SandboxException.InvalidSpec e) {
            return e.getMessage();
        }
        throw new AssertionError(file + " was taken");
    }
}
