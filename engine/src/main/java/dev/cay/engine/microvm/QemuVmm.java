package dev.cay.engine.microvm;

import dev.cay.Size;
import dev.cay.linux.Fd;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** QEMU's machine {@code microvm}: no firmware to speak of, no PCI, every device a virtio one. */
public record QemuVmm(Home home) implements Vmm {
    /** What QEMU needs besides the guest's memory and what it translates. */
    private static final Size OVERHEAD = Size.mib(192);

    @Override
    public Machine start(MachineSpec spec) throws IOException {
        List<Fd> ours = new ArrayList<>();
        List<Fd> theirs = new ArrayList<>();
        QemuMachine machine;
        try {
            for (int i = 0; i < 3; i++) {
                List<Fd> pair = UnixSocket.pair();
                ours.add(pair.getFirst());
                theirs.add(pair.getLast());
            }
            spec.card().ifPresent(card -> theirs.add(card.device()));
            Home.Guarded process = home.start(seen -> QemuCommand.of(spec, seen), needs(spec), List.copyOf(theirs));
            machine = new QemuMachine(process, ours.get(0), ours.get(1), ours.get(2));
        } catch (IOException | RuntimeException e) {
            ours.forEach(Fd::close);
            theirs.forEach(Fd::close);
            throw e;
        }
        try {
            machine.greet();
            return machine;
        } catch (IOException e) {
            machine.close();
            throw e;
        }
    }

    private static Home.Needs needs(MachineSpec spec) {
        List<Path> readOnly = new ArrayList<>(List.of(spec.kernel(), spec.initramfs()));
        List<Path> writable = new ArrayList<>();
        for (Disk disk : spec.disks()) {
            (disk.readOnly() ? readOnly : writable).add(disk.file());
        }
        long translations = (long) QemuCommand.TRANSLATION_MIB << 20;
        return new Home.Needs(readOnly, writable, Size.bytes(spec.memory().bytes() + translations + OVERHEAD.bytes()));
    }
}
