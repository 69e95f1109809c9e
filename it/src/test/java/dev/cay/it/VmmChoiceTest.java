package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.IoLimits;
import dev.cay.Isolation;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.VmmKind;
import java.io.IOException;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** MicroVMs whose VMM was chosen. */
@ExtendWith(RootLane.class)
final class VmmChoiceTest {
    private static final String NAME = "cay-it-vmm";

    @FunctionalInterface
    private interface Use {
        void of(Sandboxes engine);
    }

    /** With a kernel and an image, in an engine of its own: on a network it changes settings of the machine until it is closed. */
    private static void inEngine(Use use) throws IOException {
        GuestKernels.debian();
        try (Sandboxes engine = Sandboxes.local()) {
            GuestKernels.importSmall(engine, NAME);
            try {
                use.of(engine);
            } finally {
                engine.images().remove(NAME);
            }
        }
    }

    private static SandboxSpec.Builder spec(VmmKind vmm) {
        return SandboxSpec.image(NAME).isolation(Isolation.MICROVM).vmm(vmm).memory(Size.mib(192));
    }

    /** A PC with PCI: disks and a network card of another kind, and an end that is seen as any other. */
    @Test
    void aPcServesToo() throws IOException {
        SandboxSpec spec = spec(VmmKind.QEMU_Q35)
                .disk(Size.mib(16))
                .network(Network.named("bridge"))
                .cpus(GuestKernels.processors())
                .build();
        inEngine(engine -> aPcServes(engine, spec));
    }

    private static void aPcServes(Sandboxes engine, SandboxSpec spec) {
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(Lab.sh(sandbox, "cat /proc/mounts")).contains("upperdir=/cay/changes/upper");
            assertThat(Lab.sh(sandbox, "grep -c ^processor /proc/cpuinfo")).isEqualTo("" + GuestKernels.processors());
            assertThat(Lab.sh(sandbox, "ls /sys/bus/pci/drivers/virtio-pci")).contains("0000:");
            // The kernel gathers changes of links for up to a second.
            assertThat(Lab.sh(
                            sandbox,
                            "for i in 1 2 3 4 5 6 7 8 9; do grep -q up /sys/class/net/eth0/operstate && break; sleep 1; done; "
                                    + "cat /sys/class/net/eth0/operstate"))
                    .isEqualTo("up");
            assertThat(GuestKernels.vmms().iterator().next().info().arguments().orElseThrow())
                    .anyMatch(argument -> argument.startsWith("q35,"));
        }
    }

    @Test
    void whatAVmmLacksIsRefusedBeforeAnythingIsDone() throws IOException {
        inEngine(VmmChoiceTest::refuses);
    }

    private static void refuses(Sandboxes engine) {
        for (VmmKind kind : List.of(VmmKind.FIRECRACKER, VmmKind.CLOUD_HYPERVISOR)) {
            SandboxSpec files =
                    spec(kind).mount(Mount.bind(Lab.directory(), "/x")).build();
            assertThatThrownBy(() -> engine.create(files).close())
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("sees no files of this machine");
            if (!RealVmmContract.isThere(kind.text())) {
                assertThatThrownBy(() -> engine.create(spec(kind).build()).close())
                        .isInstanceOf(SandboxException.Unsupported.class)
                        .hasMessageContaining("there is no " + kind.text());
            }
        }
        SandboxSpec network =
                spec(VmmKind.FIRECRACKER).network(Network.named("bridge")).build();
        assertThatThrownBy(() -> engine.create(network).close())
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("network card");
        IoLimits writes =
                new IoLimits(OptionalLong.empty(), OptionalLong.of(1), OptionalLong.empty(), OptionalLong.empty());
        SandboxSpec limited = spec(VmmKind.FIRECRACKER).io(writes).build();
        assertThatThrownBy(() -> engine.create(limited).close())
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("no limit of io holds");
        assertThat(GuestKernels.vmms()).isEmpty();
    }
}
