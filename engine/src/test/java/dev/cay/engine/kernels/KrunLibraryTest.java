package dev.cay.engine.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KrunLibraryTest {
    private static final int ADDRESS = 0x1000000;
    private static final int ENTRY = ADDRESS + 0x123;
    private static final byte[] KERNEL = KernelFiles.kernelMemory("6.12.99", ADDRESS);

    @TempDir
    private Path directory;

    @Test
    void itsKernelIsAddedAsOneWithoutAcpi() throws IOException {
        Path file = Files.write(
                directory.resolve("libkrunfw.so.5"), KernelFiles.krunLibrary(KERNEL, ADDRESS, ENTRY, KERNEL.length));
        KernelStore store = KernelStore.open(directory.resolve("kernels"));

        assertThat(store.add(List.of(file), Optional.empty()).name()).isEqualTo("6.12.99");

        GuestKernel kernel = store.find(Optional.empty());
        assertThat(kernel.acpi()).isFalse();
        assertThat(kernel.modules()).isEmpty();
        byte[] vmlinux = Files.readAllBytes(kernel.vmlinux());
        assertThat(vmlinux).hasSize(4096 + KERNEL.length).endsWith(KERNEL);
        assertThat(Elf.head(kernel.vmlinux(), 64).getLong(24)).isEqualTo(ENTRY);
    }

    @Test
    void theConstantsMayBeStoredInAnyOrder() throws IOException {
        KrunLibrary library = KrunLibrary.read(KernelFiles.krunLibrary(KERNEL, KERNEL.length, ENTRY, ADDRESS));

        assertThat(library.address()).isEqualTo(ADDRESS);
        assertThat(library.entry()).isEqualTo(ENTRY);
        assertThat(library.note()).isEqualTo(512);
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertRefused(KernelFiles.krunLibrary(KERNEL, ADDRESS, ENTRY), "does not say where");
        assertRefused(KernelFiles.krunLibrary(KERNEL, ADDRESS, ENTRY, KERNEL.length + 4096), "does not say where");
        assertRefused(KernelFiles.krunLibrary(KERNEL, ADDRESS, ADDRESS + KERNEL.length, KERNEL.length), "does not say");
        assertRefused(KernelFiles.krunLibrary(KERNEL, ADDRESS + 1, ENTRY, KERNEL.length), "does not say where");
        assertRefused(KernelFiles.krunLibrary(KERNEL, 4096, 8192, KERNEL.length), "PVH");
    }

    private static void assertRefused(byte[] library, String why) {
        assertThatThrownBy(() -> KrunLibrary.read(library))
                .isInstanceOf(BadKernelException.class)
                .hasMessageContaining(why);
    }

    @Test
    void damagedOnesAreRefused() {
        byte[] whole = KernelFiles.krunLibrary(KERNEL, ADDRESS, ENTRY, KERNEL.length);
        Seeded.run(random -> {
            for (int round = 0; round < 20_000; round++) {
                byte[] damaged = whole.clone();
                for (int i = 0; i < 3; i++) {
                    damaged[random.nextInt(1300)] = (byte) (random.nextBoolean() ? 0xFF : random.nextInt());
                }
                try {
                    KrunLibrary library = KrunLibrary.read(damaged);
                    assertThat(library.kernel().limit()).isPositive();
                } catch (BadKernelException e) {
                    assertThat(e.getMessage()).isNotEmpty();
                }
            }
        });
    }
}
