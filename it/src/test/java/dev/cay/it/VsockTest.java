package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

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
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineEnd;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.QemuVmm;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import dev.cay.linux.TimestampCounter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The stub as the first process of a guest that has no port for it, but a vsock. No VMM here has one: the guest's own kernel
 * stands for it, by its module {@code vsock_loopback}, which takes calls to the host.
 */
@ExtendWith(RootLane.class)
final class VsockTest {
    private static final Duration LONG = Duration.ofSeconds(180);

    private final Path directory = Lab.directory();

    private Path initramfs(GuestKernel kernel) throws IOException {
        Path unpacked = directory.resolve("package");
        Lab.onHost("dpkg-deb", "-x", GuestKernels.debianPackage().toString(), unpacked.toString());
        // A driver of vsock devices would take the calls, and there is no device.
        List<Path> modules = new ArrayList<>(kernel.modules().stream()
                .filter(module -> !module.toString().endsWith("-vmw_vsock_virtio_transport.ko"))
                .toList());
        try (var files = Files.walk(unpacked)) {
            modules.add(files.filter(file -> file.endsWith("vsock_loopback.ko"))
                    .findFirst()
                    .orElseThrow());
        }
        modules.add(Files.copy(GuestKernels.stub(), directory.resolve("stub"), StandardCopyOption.REPLACE_EXISTING));
        Path file = directory.resolve("vsock-initramfs");
        Initramfs.write(
                file,
                Files.readAllBytes(Lab.probe("loopback")),
                new GuestKernel(kernel.name(), kernel.release(), true, kernel.vmlinux(), modules));
        return file;
    }

    @Test
    void theStubCallsItsHost() throws IOException {
        GuestKernel kernel = GuestKernels.debian();
        try (HostKernel host = new HostKernel();
                Containers containers = new Containers(
                        Places.ofThisUser(), VolumeSource.none(), ImageSource.none(), NetworkSource.none(), _ -> {});
                Machine machine = new QemuVmm(new ContainerHome(containers))
                        .start(new MachineSpec(
                                kernel.vmlinux(),
                                initramfs(kernel),
                                Size.mib(128),
                                1,
                                new Acceleration.Emulated(TimestampCounter.kilohertz(host)),
                                List.of()))) {
            try {
                talk(host, machine);
            } catch (IOException | AssertionError e) {
                throw new AssertionError(e.getMessage() + "\nconsole:\n" + machine.console(), e);
            }
            assertThat(machine.await(LONG)).contains(new MachineEnd.PoweredOff());
        }
    }

    private static void talk(HostKernel host, Machine machine) throws IOException {
        try (Stub first = greet(host, machine)) {
            assertThat(first.pid()).isEqualTo(1);
            assertThat(link(first, "/proc/self/exe")).isEqualTo("/cay/stub");
            // Another session over the same connection.
            try (Stub second = greet(host, machine)) {
                second.ping();
                second.leave(OpList.of(MachineOps.powerOff()), 500);
            }
        }
    }

    private static Stub greet(HostKernel host, Machine machine) throws IOException {
        Op copy = FileOps.copy(Arg.of(machine.channel(System.nanoTime() + LONG.toNanos())), "channel");
        return Stub.ofMachine(host.run(OpList.of(copy)).fd(copy), System.nanoTime() + LONG.toNanos());
    }

    private static String link(Stub stub, String path) throws IOException {
        Arg.Buffer target = new Arg.Buffer(128);
        Op mount = dev.cay.linux.Mount.mount("proc", "/proc", "proc", 0, "");
        Op read = DirectoryOps.readLink(Arg.of(0), path.getBytes(StandardCharsets.US_ASCII), target);
        var results = stub.runInside(OpList.of(FileOps.mkdir(Arg.of(0), "/proc", 0755), mount, read));
        return new String(results.bytes(target), 0, (int) results.value(read), StandardCharsets.US_ASCII);
    }
}
