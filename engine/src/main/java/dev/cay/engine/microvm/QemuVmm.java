package dev.cay.engine.microvm;

import dev.cay.Size;
import dev.cay.linux.Fd;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * QEMU.
 *
 * @param type of its machines
 */
public record QemuVmm(Home home, QemuType type) implements Vmm {
    /** What QEMU needs besides the guest's memory and what it translates. */
    private static final Size OVERHEAD = Size.mib(192);

    private static final int STREAMS = 3;

    /** Grows when the machine becomes another one, in which memory that was kept of the one before cannot go on. */
    private static final int MACHINE = 2;

    /** What it says of a machine that it was built without. */
    private static final String UNKNOWN_MACHINE = "unsupported machine type";

    public QemuVmm(Home home) {
        this(home, QemuType.MICROVM);
    }

    @Override
    public Machine start(MachineSpec spec, Origin origin) throws IOException {
        return launch(spec, origin);
    }

    /** The same. */
    QemuMachine launch(MachineSpec spec, Origin origin) throws IOException {
        Vmm.refuse(
                type == QemuType.Q35 && !(origin instanceof Origin.Boot),
                "QEMU's machine q35 has no templates here",
                "use the machine microvm");
        List<Fd> ours = new ArrayList<>();
        List<Fd> theirs = new ArrayList<>();
        QemuMachine machine;
        try {
            for (int i = 0; i < STREAMS; i++) {
                List<Fd> pair = UnixSocket.pair();
                ours.add(pair.getFirst());
                theirs.add(pair.getLast());
            }
            switch (origin) {
                case Origin.Boot _ -> {}
                case Origin.Mould(MemoryFile memory) -> theirs.add(memory.copy());
                case Origin.Clone(MemoryFile memory, MemoryFile _) -> theirs.add(memory.copy());
                case Origin.Spare(MemoryFile memory, MemoryFile _) -> theirs.add(memory.copy());
                case Origin.Saved _ -> {}
            }
            spec.files().ifPresent(theirs::add);
            spec.card().ifPresent(card -> theirs.add(card.device()));
            OptionalInt doors = spec.doors().isEmpty()
                    ? OptionalInt.empty()
                    : OptionalInt.of(Home.FURTHER + theirs.size() - STREAMS);
            theirs.addAll(spec.doors());
            QemuWires wires = new QemuWires.Held(doors, ports(origin));
            Home.Guarded process = home.start(
                    seen -> QemuCommand.of(type, spec, origin, wires, seen), needs(spec, origin), List.copyOf(theirs));
            boolean measures = boots(origin) && QemuCommand.measuresTimer(type, spec);
            machine = new QemuMachine(process, ours.get(0), ours.get(1), ours.get(2), measures);
        } catch (IOException | RuntimeException e) {
            ours.forEach(Fd::close);
            theirs.forEach(Fd::close);
            throw e;
        }
        try {
            machine.greet();
            if (origin instanceof Origin.Clone clone) {
                machine.receive(clone.state());
            } else if (origin instanceof Origin.Spare spare) {
                machine.receive(spare.state());
            } else if (origin instanceof Origin.Saved(Fd state, boolean _, int _)) {
                machine.receiveWhole(state);
            }
            return machine;
        } catch (IOException e) {
            String said = machine.console();
            machine.close();
            Vmm.refuse(
                    type == QemuType.MICROVM && said.contains(UNKNOWN_MACHINE),
                    "this QEMU has no machine " + type.text(),
                    "use --vmm qemu-q35, which has no templates and boots more slowly");
            throw e;
        }
    }

    private static boolean boots(Origin origin) {
        return origin instanceof Origin.Boot || origin instanceof Origin.Mould;
    }

    private static int ports(Origin origin) {
        return origin instanceof Origin.Saved saved ? saved.ports() : 1;
    }

    /**
     * Starts a machine that ends with nobody. One that goes on where another one was waits to be told where, by its monitor.
     *
     * @param lasting where it runs
     * @param origin no mould
     * @param doors of {@link MachineDoors#listen}
     * @param relay the host's end of a channel that is plugged in later, if there is one; the machine's from its start on
     */
    void detach(MachineSpec spec, LastingHome lasting, Origin origin, List<Fd> doors, Optional<Fd> relay)
            throws IOException {
        List<Fd> further = new ArrayList<>();
        if (origin instanceof Origin.Clone clone) {
            further.add(clone.memory().copy());
        }
        spec.files().ifPresent(further::add);
        spec.card().ifPresent(card -> further.add(card.device()));
        QemuWires wires = new QemuWires.Open(Home.FURTHER + further.size(), ports(origin), relay.isPresent());
        further.addAll(doors);
        relay.ifPresent(further::add);
        lasting.start(seen -> QemuCommand.of(type, spec, origin, wires, seen), needs(spec, origin), further);
    }

    @Override
    public String identity() throws IOException {
        return type.text() + " " + MACHINE + " " + Program.identity(Path.of(QemuCommand.PROGRAM));
    }

    @Override
    public Set<Ability> abilities() {
        Set<Ability> all = EnumSet.of(Ability.EMULATION, Ability.POWER_OFF);
        if (type == QemuType.MICROVM) {
            all.add(Ability.CLONES);
        }
        return all;
    }

    private static Home.Needs needs(MachineSpec spec, Origin origin) {
        boolean translates = spec.acceleration() instanceof Acceleration.Emulated;
        long translations = translates ? (long) QemuCommand.TRANSLATION_MIB << 20 : 0;
        // A spare one has the kernel too, and no need of it: containers without any file are made ahead, those of one
        // kind at a time.
        boolean boots = !(origin instanceof Origin.Clone || origin instanceof Origin.Saved);
        return Home.Needs.of(spec, boots, Size.bytes(translations + OVERHEAD.bytes()));
    }
}
