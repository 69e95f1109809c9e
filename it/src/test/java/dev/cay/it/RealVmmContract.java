package dev.cay.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.Size;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.container.VolumeSource;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.Initramfs;
import dev.cay.engine.microvm.Acceleration;
import dev.cay.engine.microvm.ContainerHome;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.Home;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.QemuVmm;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;

/** A VMM that needs KVM, where it is and KVM boots something; the guest is Debian's kernel and the stub. */
@ExtendWith(RootLane.class)
abstract class RealVmmContract extends VmmContract {
    private static final List<Path> PLACES = List.of(Path.of("/usr/bin"), Path.of("/usr/local/bin"));

    private final String name;
    private final Path directory = Lab.directory();
    private Containers containers;
    private GuestKernel kernel;
    private Path initramfs;

    RealVmmContract(String name) {
        this.name = name;
    }

    /** Whether a program is where VMMs are looked for. */
    static boolean isThere(String name) {
        return PLACES.stream().map(place -> place.resolve(name)).anyMatch(Files::isExecutable);
    }

    final Path program() {
        return PLACES.stream()
                .map(place -> place.resolve(name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow();
    }

    final Home home() {
        return new ContainerHome(containers);
    }

    @BeforeEach
    void open() throws IOException {
        assumeTrue(isThere(name), "there is no " + name + " on this machine");
        kernel = GuestKernels.debian();
        initramfs = directory.resolve("initramfs-" + name);
        Files.deleteIfExists(initramfs);
        Initramfs.write(initramfs, Files.readAllBytes(GuestKernels.stub()), kernel);
        containers = new Containers(
                Places.ofThisUser(), VolumeSource.none(), ImageSource.none(), NetworkSource.none(), _ -> {});
        assumeTrue(boots(), "KVM boots no guest on this machine");
    }

    /** That of which nothing is doubted. */
    private boolean boots() {
        long soon = deadline(Duration.ofSeconds(10));
        try (var machine = new QemuVmm(home()).start(spec(List.of()));
                Stub stub = Stub.ofMachine(machine.channel(soon), soon)) {
            return stub.ping(soon);
        } catch (IOException e) {
            return false;
        }
    }

    @AfterEach
    void close() {
        if (containers != null) {
            containers.close();
        }
    }

    @Override
    MachineSpec spec(List<Disk> disks) {
        return new MachineSpec(kernel.vmlinux(), initramfs, Size.mib(128), 1, new Acceleration.Kvm(), disks);
    }

    @Override
    Path disk() throws IOException {
        return Files.write(directory.resolve("disk-" + name), new byte[1 << 20]);
    }
}
