package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.IoLimits;
import dev.cay.Limits;
import dev.cay.engine.microvm.CloudHypervisorVmm;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.Vmm;
import dev.cay.linux.Fd;
import dev.cay.linux.Poll;
import dev.cay.linux.UnixSocket;
import dev.cay.linux.netlink.MacAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** Cloud Hypervisor's driver, and a program that does as Cloud Hypervisor's API server does. */
final class CloudHypervisorFakeTest extends ApiContract {
    @Override
    Vmm vmm() {
        return new CloudHypervisorVmm(
                new FakeProgramHome(home(), FakeCloudHypervisor.class), Path.of("/usr/bin/cloud-hypervisor"));
    }

    /** Its sandbox has two processors, and what it writes is limited. */
    @Test
    void aLimitedMachineIsConfiguredAsAnyOther() throws IOException {
        Path disk = Files.write(Files.createTempFile(Lab.directory(), "disk", ""), new byte[4096]);
        MachineSpec like = spec(List.of(new Disk(disk, "data", false)));
        IoLimits io =
                new IoLimits(OptionalLong.empty(), OptionalLong.of(9), OptionalLong.empty(), OptionalLong.empty());
        MachineSpec spec = new MachineSpec(
                like.kernel(),
                like.initramfs(),
                true,
                like.memory(),
                2,
                like.acceleration(),
                like.disks(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                new Limits(Optional.empty(), 1, OptionalDouble.of(1.5), OptionalInt.empty(), io));
        try (Machine machine = vmm().start(spec)) {
            machine.channel(deadline(LONG));
        }
    }

    /**
     * The server takes its configuration between those of the machine and its boot; the descriptor goes with it, and this side has none any
     * more. Whether it arrives is not seen here: what is read without looking for descriptors is closed by the kernel.
     */
    @Test
    void aNetworkCardIsAddedBeforeTheBoot() throws IOException {
        List<Fd> pair = UnixSocket.pair(); // what it is makes no difference here
        MachineSpec.NetworkCard card =
                new MachineSpec.NetworkCard(pair.getFirst(), MacAddress.parse("02:ca:0a:58:00:02"));
        MachineSpec like = spec(List.of());
        MachineSpec spec = new MachineSpec(
                like.kernel(),
                like.initramfs(),
                true,
                like.memory(),
                1,
                like.acceleration(),
                List.of(),
                Optional.of(card));
        try (Machine machine = vmm().start(spec);
                Fd other = pair.getLast()) {
            assertThat(Poll.await(LONG.toNanos(), Poll.Interest.ending(other))).isNotZero();
            machine.channel(deadline(LONG));
        }
    }
}
