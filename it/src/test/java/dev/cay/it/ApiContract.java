package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.microvm.Acceleration;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.Origin;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MemoryFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract, kept by a VMM with an HTTP API, of which a program of the tests takes the place, and what else is promised of those. */
abstract class ApiContract extends VmmContract {
    @TempDir
    private Path directory;

    private HostKernel host;
    private ProcessHome home;

    @BeforeEach
    void open() throws IOException {
        host = new HostKernel();
        home = new ProcessHome(host, directory);
    }

    @AfterEach
    void close() {
        assertThat(home.closes()).isEqualTo(home.starts());
        host.close();
    }

    ProcessHome home() {
        return home;
    }

    private Path file(String name) throws IOException {
        return Files.write(directory.resolve(name), new byte[1 << 20]);
    }

    @Override
    Path disk() throws IOException {
        return file("disk");
    }

    @Override
    MachineSpec spec(List<Disk> disks) throws IOException {
        return spec(file("vmlinux"), new Acceleration.Kvm(), disks);
    }

    private MachineSpec spec(Path kernel, Acceleration acceleration, List<Disk> disks) throws IOException {
        return new MachineSpec(
                kernel, file("initramfs"), true, Size.mib(128), 1, acceleration, disks, Optional.empty());
    }

    @Test
    void whatTheApiRefusesIsSaid() throws IOException {
        Path kernel = Files.createDirectory(directory.resolve("directory"));
        MachineSpec spec = spec(kernel, new Acceleration.Kvm(), List.of());
        assertThatThrownBy(() -> vmm().start(spec).close())
                .isInstanceOf(IOException.class)
                .hasMessageContaining(" refuses PUT /")
                .hasMessageContainingAll("ernel file", "annot");
        assertThat(home.starts()).isEqualTo(1);
    }

    @Test
    void whatItDoesNotHaveIsRefusedBeforeItIsStarted() throws IOException {
        MachineSpec emulated = spec(file("vmlinux"), new Acceleration.Emulated(1_000_000), List.of());
        assertThatThrownBy(() -> vmm().start(emulated).close())
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("KVM only");
        MachineSpec missing = spec(List.of(new Disk(directory.resolve("no-disk"), "first", true)));
        assertThatThrownBy(() -> vmm().start(missing).close()).hasMessageContaining("no-disk");
        try (MemoryFile memory = MemoryFile.create(host, "memory", Size.mib(128).bytes())) {
            Origin mould = new Origin.Mould(memory);
            assertThatThrownBy(() -> vmm().start(spec(List.of()), mould).close())
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("templates");
        }
        assertThat(home.starts()).isZero();
    }

    /** Neither a process nor a descriptor. */
    @Test
    void nothingIsLeftOpen() throws IOException {
        int before = 0;
        for (int round = 0; round < 2; round++) { // with the first one comes what stays for ever
            before = descriptors();
            try (Machine machine = vmm().start(spec(List.of()))) {
                machine.channel(deadline(LONG));
                machine.pause();
            }
        }
        assertThat(descriptors()).isEqualTo(before);
    }

    private static int descriptors() throws IOException {
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            return (int) files.count();
        }
    }
}
