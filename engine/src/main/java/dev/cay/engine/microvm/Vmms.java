package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.VmmKind;
import dev.cay.linux.HostKernel;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** The VMMs of this machine, each with what its machines are made of. Thread-safe. */
final class Vmms {
    private final Home home;
    private final HostKernel host;
    private final Path verdicts;
    private final Map<VmmKind, Choice> made = new EnumMap<>(VmmKind.class);

    /** @param verdicts where it is kept how guests can be run */
    Vmms(Home home, HostKernel host, Path verdicts) {
        this.home = home;
        this.host = host;
        this.verdicts = verdicts;
    }

    /** A VMM, and what its machines are made of. */
    record Choice(Vmm vmm, MachineFiles files) {}

    /**
     * Refuses a VMM that is not here, and what it does not have, before anything is done.
     *
     * @throws SandboxException.Unsupported says what
     */
    static void check(SandboxSpec spec) {
        switch (spec.vmm()) {
            case QEMU, QEMU_Q35 -> {}
            case FIRECRACKER -> {
                Vmm.refuse(
                        spec.network() instanceof Network.Named,
                        "Firecracker takes a network card by its name in its own network only, where it has none",
                        "leave out --network, or use another VMM");
                Vmm.refuse(
                        GuestSize.processors(spec) > FirecrackerVmm.MAXIMUM_PROCESSORS,
                        GuestSize.processors(spec) + " processors: Firecracker has "
                                + FirecrackerVmm.MAXIMUM_PROCESSORS,
                        "give it fewer, or use another VMM");
                Vmm.refuse(
                        spec.limits().io().writeBytes().isPresent()
                                || spec.limits().io().writeOperations().isPresent(),
                        "Firecracker writes into the host's cache, where no limit of io holds",
                        "limit what it reads only, or use another VMM");
                refuseFiles(spec, "Firecracker");
                find(FirecrackerVmm.NAME);
            }
            case CLOUD_HYPERVISOR -> {
                refuseFiles(spec, "Cloud Hypervisor");
                find(CloudHypervisorVmm.NAME);
            }
        }
    }

    private static void refuseFiles(SandboxSpec spec, String name) {
        Vmm.refuse(
                spec.mounts().stream().anyMatch(Mount.Bind.class::isInstance),
                "a guest of " + name + " sees no files of this machine",
                "copy them with 'cay cp', or use QEMU");
    }

    /**
     * The VMM of a kind.
     *
     * @throws SandboxException.Unsupported if it is not here
     */
    synchronized Choice get(VmmKind kind) {
        return made.computeIfAbsent(kind, wanted -> {
            Vmm vmm = make(wanted);
            return new Choice(vmm, new MachineFiles(vmm, host, new AccelerationProbe(vmm, verdicts)));
        });
    }

    private Vmm make(VmmKind kind) {
        return switch (kind) {
            case QEMU -> new QemuVmm(home, QemuType.MICROVM);
            case QEMU_Q35 -> new QemuVmm(home, QemuType.Q35);
            case FIRECRACKER -> new FirecrackerVmm(home, find(FirecrackerVmm.NAME));
            case CLOUD_HYPERVISOR -> new CloudHypervisorVmm(home, find(CloudHypervisorVmm.NAME));
        };
    }

    private static Path find(String name) {
        Optional<Path> program = Program.find(name);
        Vmm.refuse(
                program.isEmpty(),
                "there is no " + name + " on this machine",
                "put it into /usr/local/bin, or leave out --vmm");
        return program.get();
    }
}
