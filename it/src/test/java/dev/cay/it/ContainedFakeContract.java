package dev.cay.it;

import dev.cay.Size;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.container.VolumeSource;
import dev.cay.engine.microvm.Acceleration;
import dev.cay.engine.microvm.ContainerHome;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.Home;
import dev.cay.engine.microvm.MachineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A driver whose VMM is played by a program of the tests, in the container where the real one would be: its sockets are reached
 * through that container's first process, and what it needs is all that it sees.
 */
@ExtendWith(RootLane.class)
abstract class ContainedFakeContract extends VmmContract {
    private final Path directory = Lab.directory();
    private Containers containers;

    @BeforeEach
    void open() throws IOException {
        containers = new Containers(
                Places.ofThisUser(), VolumeSource.none(), ImageSource.none(), NetworkSource.none(), _ -> {});
    }

    @AfterEach
    void close() {
        containers.close();
    }

    Home home() {
        return new ContainerHome(containers);
    }

    private Path file(String name) throws IOException {
        return Files.write(directory.resolve(name), new byte[1 << 20]);
    }

    @Override
    Path disk() throws IOException {
        return file("fake-disk");
    }

    @Override
    MachineSpec spec(List<Disk> disks) throws IOException {
        return new MachineSpec(
                file("fake-vmlinux"),
                file("fake-initramfs"),
                true,
                Size.mib(128),
                1,
                new Acceleration.Kvm(),
                disks,
                Optional.empty());
    }
}
