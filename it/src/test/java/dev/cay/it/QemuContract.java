package dev.cay.it;

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
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.QemuType;
import dev.cay.engine.microvm.QemuVmm;
import dev.cay.engine.microvm.Vmm;
import dev.cay.linux.HostKernel;
import dev.cay.linux.TimestampCounter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** A real QEMU, in a container, boots Debian's kernel, whose first process is the stub. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class QemuContract extends VmmContract {
    private final QemuType type;
    private final Path directory = Lab.directory();
    private Containers containers;
    private GuestKernel kernel;
    private Path initramfs;
    private long kilohertz;

    QemuContract(QemuType type) {
        this.type = type;
    }

    @BeforeAll
    void prepare() throws IOException {
        kernel = GuestKernels.debian();
        initramfs = directory.resolve("initramfs-" + type);
        Initramfs.write(initramfs, Files.readAllBytes(GuestKernels.stub()), kernel);
        try (HostKernel host = new HostKernel()) {
            kilohertz = TimestampCounter.kilohertz(host);
        }
    }

    @BeforeEach
    void open() throws IOException {
        containers = new Containers(
                Places.ofThisUser(), VolumeSource.none(), ImageSource.none(), NetworkSource.none(), _ -> {});
    }

    @AfterEach
    void close() {
        containers.close();
    }

    @Override
    Vmm vmm() {
        return new QemuVmm(new ContainerHome(containers), type);
    }

    @Override
    MachineSpec spec(List<Disk> disks) {
        return new MachineSpec(
                kernel.vmlinux(), initramfs, Size.mib(128), 1, new Acceleration.Emulated(kilohertz), disks);
    }

    @Override
    Path disk() throws IOException {
        return Files.write(directory.resolve("disk-" + type), new byte[1 << 20]);
    }
}
