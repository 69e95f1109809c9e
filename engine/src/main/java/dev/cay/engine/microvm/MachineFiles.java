package dev.cay.engine.microvm;

import dev.cay.Size;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.Initramfs;
import dev.cay.guest.GuestProgram;
import dev.cay.linux.Architecture;
import dev.cay.linux.HostKernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.TimestampCounter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/** What machines of this host are made of. Thread-safe. */
final class MachineFiles {
    /** Changes when what a template keeps, or how a clone goes on, does. */
    private static final int TEMPLATES = 5;

    /** Of a guest that is to do nothing but come up. */
    private static final GuestSize PROBED = new GuestSize(Size.mib(128), 1);

    private final Vmm vmm;
    private final HostKernel host;
    private final AccelerationProbe probe;
    private volatile long kilohertz;

    MachineFiles(Vmm vmm, HostKernel host, AccelerationProbe probe) {
        this.vmm = vmm;
        this.host = host;
        this.probe = probe;
    }

    /** A machine that boots. */
    MachineSpec machine(GuestKernel kernel, GuestSize size, List<Disk> disks, Optional<MachineSpec.NetworkCard> card)
            throws IOException {
        requireVsock(kernel);
        boolean accelerated = isAccelerated(kernel);
        Vmm.refuse(
                !accelerated && !vmm.abilities().contains(Vmm.Ability.EMULATION),
                "this VMM runs guests by KVM only, by which none boots here ('cay doctor' says why)",
                "leave out --vmm");
        Acceleration acceleration = accelerated ? new Acceleration.Kvm() : new Acceleration.Emulated(kilohertz());
        return machine(kernel, initramfs(kernel), size, acceleration, disks, card);
    }

    /** The same that goes on: its kernel and what it begins with are not read. */
    MachineSpec clone(GuestKernel kernel, Template template, List<Disk> disks, Optional<MachineSpec.NetworkCard> card)
            throws IOException {
        Acceleration acceleration =
                isAccelerated(kernel) ? new Acceleration.Kvm() : new Acceleration.Emulated(template.kilohertz());
        return machine(kernel, file(kernel), template.guest(), acceleration, disks, card);
    }

    private boolean usesVsock() {
        return vmm.abilities().contains(Vmm.Ability.VSOCK);
    }

    /** Kernels that were taken by an older version lack the driver; one without any module has all it needs built in. */
    private void requireVsock(GuestKernel kernel) {
        Vmm.refuse(
                usesVsock()
                        && !kernel.modules().isEmpty()
                        && kernel.modules().stream().noneMatch(MachineFiles::isForVsock),
                "the kernel " + kernel.name() + " was taken without its driver of vsocks",
                "remove and add it again, see 'cay help kernel'");
    }

    private static boolean isForVsock(Path module) {
        return module.getFileName().toString().contains("vsock");
    }

    /** One that goes on where another one was kept with its memory. */
    MachineSpec again(GuestKernel kernel, GuestSize size, List<Disk> disks, Optional<MachineSpec.NetworkCard> card)
            throws IOException {
        Acceleration acceleration =
                isAccelerated(kernel) ? new Acceleration.Kvm() : new Acceleration.Emulated(kilohertz());
        return machine(kernel, file(kernel), size, acceleration, disks, card);
    }

    /** Whether the processor runs the guests of a kernel. */
    private boolean isAccelerated(GuestKernel kernel) throws IOException {
        long size = Files.size(kernel.vmlinux());
        String key = hash(String.join("\n", vmm.identity(), kernel.release(), Long.toString(size)));
        return probe.works(
                key,
                () -> machine(kernel, initramfs(kernel), PROBED, new Acceleration.Kvm(), List.of(), Optional.empty()));
    }

    private static MachineSpec machine(
            GuestKernel kernel,
            Path initramfs,
            GuestSize size,
            Acceleration acceleration,
            List<Disk> disks,
            Optional<MachineSpec.NetworkCard> card) {
        return new MachineSpec(
                kernel.vmlinux(),
                initramfs,
                kernel.acpi(),
                size.memory(),
                size.processors(),
                acceleration,
                disks,
                card);
    }

    /** What two machines must have in common for one to go on where the other was. */
    String key(GuestKernel kernel, GuestSize size) throws IOException {
        String text = String.join(
                "\n",
                Integer.toString(TEMPLATES),
                vmm.identity(),
                kernel.release(),
                kernel.identity(),
                hash(init()),
                Long.toString(size.memory().bytes()),
                Integer.toString(size.processors()),
                isAccelerated(kernel) ? "accelerated" : "emulated",
                processor());
        return hash(text);
    }

    /** Its time stamp counter is the guest's. */
    private static String processor() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .findFirst()
                    .orElse("");
        }
    }

    private static String hash(String text) {
        return hash(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String hash(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    long kilohertz() throws SyscallException {
        if (kilohertz == 0) {
            kilohertz = TimestampCounter.kilohertz(host);
        }
        return kilohertz;
    }

    static byte[] init() throws IOException {
        return GuestProgram.of(Architecture.current().text());
    }

    /** Beside the kernel, with which it goes. */
    private Path file(GuestKernel kernel) throws IOException {
        String name = "initramfs-" + Integer.toHexString(Arrays.hashCode(init())) + (usesVsock() ? "-vsock" : "");
        return kernel.vmlinux().resolveSibling(name);
    }

    /** That of a kernel and of this version of the first process, made once. */
    private Path initramfs(GuestKernel kernel) throws IOException {
        Path file = file(kernel);
        if (!Files.exists(file)) {
            Path born = Files.createTempFile(file.getParent(), ".new-", "");
            try {
                Files.delete(born);
                Initramfs.write(born, init(), usesVsock() ? kernel : withoutVsock(kernel));
                Files.move(born, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(born);
            }
        }
        return file;
    }

    /** Each module takes its time; the driver of a device that there is not is none that anybody waits for. */
    private static GuestKernel withoutVsock(GuestKernel kernel) {
        List<Path> modules =
                kernel.modules().stream().filter(module -> !isForVsock(module)).toList();
        return new GuestKernel(kernel.name(), kernel.release(), kernel.acpi(), kernel.vmlinux(), modules);
    }
}
