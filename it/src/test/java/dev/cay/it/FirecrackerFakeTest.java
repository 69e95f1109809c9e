package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.FirecrackerVmm;
import dev.cay.engine.microvm.Vmm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Firecracker's driver, and a program that does as Firecracker's API server does. */
final class FirecrackerFakeTest extends ApiContract {
    @Override
    Vmm vmm() {
        return new FirecrackerVmm(new FakeProgramHome(home(), FakeFirecracker.class), Path.of("/usr/bin/firecracker"));
    }

    /** As its block device does: the numbers of the device, of the device that it is, and of the file, 20 characters at the most. */
    @Test
    void theGuestSeesDisksByWhatTheirFilesAre() throws IOException {
        Path file = disk();
        Object inode = Files.getAttribute(file, "unix:ino");
        Object device = Files.getAttribute(file, "unix:dev");
        String expected = device + "0" + inode;
        assertThat(vmm().serials(List.of(new Disk(file, "layer0", true), new Disk(file, "layer1", true))))
                .hasSize(2)
                .containsEntry("layer0", expected.substring(0, Math.min(20, expected.length())))
                .containsEntry("layer1", expected.substring(0, Math.min(20, expected.length())));
    }

    @Test
    void itHasFewerDisks() throws IOException {
        List<Disk> disks = new ArrayList<>();
        for (int i = 0; i < 17; i++) {
            disks.add(new Disk(disk(), "layer" + i, true));
        }
        assertThatThrownBy(() -> vmm().start(spec(disks)).close())
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("17 disks");
        assertThat(home().starts()).isZero();
    }
}
