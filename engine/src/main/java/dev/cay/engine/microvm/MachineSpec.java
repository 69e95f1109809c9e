package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.Limits;
import dev.cay.Size;
import dev.cay.linux.Fd;
import dev.cay.linux.netlink.MacAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A machine.
 *
 * @param kernel an uncompressed kernel with a PVH entry
 * @param initramfs what it begins with
 * @param acpi whether the kernel knows ACPI; else it finds its devices by its command line, and its machine has fewer
 * @param memory of the guest, a multiple of 1 MiB
 * @param processors 1 to 64
 * @param disks in the order in which the guest sees them
 * @param card its network card
 * @param files a connection to a {@link FileServer}; the machine's from its start on
 * @param doors of {@link MachineDoors#listen}, if others than who starts it may come; the machine's from its start on
 * @param limits of its sandbox: what they say of processors and io holds for its VMM
 */
public record MachineSpec(
        Path kernel,
        Path initramfs,
        boolean acpi,
        Size memory,
        int processors,
        Acceleration acceleration,
        List<Disk> disks,
        Optional<NetworkCard> card,
        Optional<Fd> files,
        List<Fd> doors,
        Limits limits) {
    /** What a kernel needs to come up. */
    public static final Size MINIMUM_MEMORY = Size.mib(64);

    /** virtio-mmio of QEMU's microvm machine has 24 slots with ACPI; one is the channel's, one that of randomness, one the card's. */
    public static final int MAXIMUM_DISKS = 20;

    /** Without ACPI there are 8 slots. */
    public static final int MAXIMUM_DISKS_WITHOUT_ACPI = 5;

    public static final int MAXIMUM_PROCESSORS = 64;

    private static final long MEBIBYTE = 1 << 20;

    /**
     * A network card.
     *
     * @param device a tap device; the machine's from its start on
     * @param station its Ethernet address
     */
    public record NetworkCard(Fd device, MacAddress station) {}

    public MachineSpec {
        requireNonNull(kernel, "kernel is null");
        requireNonNull(initramfs, "initramfs is null");
        requireNonNull(acceleration, "acceleration is null");
        requireNonNull(card, "card is null");
        requireNonNull(limits, "limits is null");
        disks = List.copyOf(disks);
        doors = List.copyOf(doors);
        require(memory.compareTo(MINIMUM_MEMORY) >= 0, "less memory than " + MINIMUM_MEMORY);
        require(memory.bytes() % MEBIBYTE == 0, "memory that is no multiple of 1 MiB");
        require(processors >= 1 && processors <= MAXIMUM_PROCESSORS, processors + " processors");
        requireNonNull(files, "files is null");
        require(disks.size() <= maximumDisks(acpi, files.isPresent()), disks.size() + " disks");
        Set<String> serials = new HashSet<>();
        for (Disk disk : disks) {
            require(serials.add(disk.serial()), "two disks " + disk.serial());
        }
    }

    /** One without files of this machine, and without limits. */
    public MachineSpec(
            Path kernel,
            Path initramfs,
            boolean acpi,
            Size memory,
            int processors,
            Acceleration acceleration,
            List<Disk> disks,
            Optional<NetworkCard> card) {
        this(
                kernel,
                initramfs,
                acpi,
                memory,
                processors,
                acceleration,
                disks,
                card,
                Optional.empty(),
                List.of(),
                Limits.none());
    }

    /** The same with files of this machine. */
    MachineSpec with(Optional<Fd> connection) {
        return new MachineSpec(
                kernel, initramfs, acpi, memory, processors, acceleration, disks, card, connection, doors, limits);
    }

    /** The same whose VMM gets what is left of this machine's processors and disks within the limits of its sandbox. */
    MachineSpec within(Limits ofSandbox) {
        return new MachineSpec(
                kernel, initramfs, acpi, memory, processors, acceleration, disks, card, files, doors, ofSandbox);
    }

    /** The same without disks, network card, files of this machine and limits, and to which nobody comes. */
    MachineSpec empty() {
        return new MachineSpec(kernel, initramfs, acpi, memory, processors, acceleration, List.of(), Optional.empty());
    }

    /** The same that others may come to. */
    MachineSpec withDoors(List<Fd> listening) {
        return new MachineSpec(
                kernel, initramfs, acpi, memory, processors, acceleration, disks, card, files, listening, limits);
    }

    /** One with ACPI, and without a network card. */
    public MachineSpec(
            Path kernel, Path initramfs, Size memory, int processors, Acceleration acceleration, List<Disk> disks) {
        this(kernel, initramfs, true, memory, processors, acceleration, disks, Optional.empty());
    }

    /**
     * Makes sure that its files are there, before anything is done.
     *
     * @throws IOException says which is not
     */
    void requireFiles() throws IOException {
        List<Path> parts = new ArrayList<>(List.of(kernel, initramfs));
        disks.forEach(disk -> parts.add(disk.file()));
        for (Path part : parts) {
            if (!Files.exists(part)) {
                throw new NoSuchFileException(part.toString(), null, "it is a part of the machine");
            }
        }
    }

    /**
     * How many disks a machine can have.
     *
     * @param files whether it has files of this machine, in the place of one of them where there is none to spare
     */
    public static int maximumDisks(boolean acpi, boolean files) {
        return acpi ? MAXIMUM_DISKS : MAXIMUM_DISKS_WITHOUT_ACPI - (files ? 1 : 0);
    }

    /**
     * Whether a disk is written past the host's cache. Where io is limited it is: what lies in the cache the kernel writes when it
     * likes to, and with control groups of version 1 in nobody's name.
     */
    boolean isWrittenDirectly(Disk disk) {
        return !disk.readOnly() && !limits.io().isNone();
    }

    /** Whether its VMM has less of this machine than others have. */
    boolean isLimited() {
        return limits.cpus().isPresent()
                || limits.cpuWeight().isPresent()
                || !limits.io().isNone();
    }

    /** How many disks this one can have. */
    int places() {
        return maximumDisks(acpi, files.isPresent());
    }

    /** The memory of a guest that is to have at least so much. */
    static Size memory(Size atLeast) {
        return Size.bytes((atLeast.bytes() + MEBIBYTE - 1) / MEBIBYTE * MEBIBYTE);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException("no machine has " + message);
        }
    }
}
