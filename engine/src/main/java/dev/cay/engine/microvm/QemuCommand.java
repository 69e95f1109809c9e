package dev.cay.engine.microvm;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * How QEMU is called: no shell, no configuration files, nothing that is not said here. Its descriptors 0, 1 and 2 are what {@link
 * QemuWires} says. From 3 on come its memory, if that is a file, a connection to who serves it files of this machine, and a tap
 * device, if it has a network card.
 */
final class QemuCommand {
    static final String PROGRAM = "/usr/bin/qemu-system-x86_64";

    /** What QEMU may use to keep translated code, in MiB; by default it takes up to a gigabyte. */
    static final int TRANSLATION_MIB = 128;

    /** A disk in a place that nobody has taken: virtio-mmio knows no hot plugging, so a clone has as many as its mould. */
    private static final String NOTHING = "driver=null-co,size=512,readonly=on";

    /** The same in a place that the guest's kernel takes for what it was in the mould: no layer is larger than this, 16 TiB. */
    private static final String ANYTHING = "driver=null-co,size=17592186044416,read-zeroes=on,readonly=on";

    private QemuCommand() {}

    static List<String> of(QemuType type, MachineSpec spec, Origin origin, QemuWires wires, UnaryOperator<Path> seen) {
        List<String> command = new ArrayList<>(List.of(PROGRAM));
        option(command, "-nodefaults");
        option(command, "-no-user-config");
        option(command, "-no-reboot");
        option(command, "-display", "none");
        option(command, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
        boolean places = hasPlaces(origin);
        boolean ownMemory = !places && spec.files().isEmpty();
        option(command, "-machine", type.options(spec.acpi()) + (ownMemory ? "" : ",memory-backend=ram"));
        switch (spec.acceleration()) {
            case Acceleration.Kvm _ -> {
                option(command, "-accel", "kvm");
                option(command, "-cpu", "host");
            }
            case Acceleration.Emulated _ -> {
                option(command, "-accel", "tcg,tb-size=" + TRANSLATION_MIB);
                option(command, "-cpu", "max");
            }
        }
        option(command, "-smp", processors(spec));
        option(command, "-m", (spec.memory().bytes() >> 20) + "M");
        switch (origin) {
            case Origin.Boot _ -> {
                kernel(command, type, spec, seen);
                if (!ownMemory) { // who serves it files reads and writes there
                    option(command, "-object", "memory-backend-memfd," + memory(spec) + ",share=on");
                }
            }
            case Origin.Mould _ -> {
                kernel(command, type, spec, seen);
                memory(command, spec, "on");
            }
            case Origin.Clone _ -> {
                memory(command, spec, "off"); // private: what a clone writes is its own
                option(command, "-incoming", "defer");
            }
            case Origin.Spare _ -> {
                memory(command, spec, "off");
                option(command, "-S", "-incoming", "defer");
            }
            case Origin.Saved _ -> {
                if (places) {
                    option(command, "-object", "memory-backend-ram," + memory(spec));
                }
                option(command, "-incoming", "defer");
            }
        }
        if (type == QemuType.MICROVM) {
            option(command, "-global", "virtio-mmio.force-legacy=false");
        }
        option(command, "-chardev", wires.console());
        option(command, "-chardev", wires.channel());
        option(command, "-device", type.device("virtio-serial"));
        if (spec.acpi()) {
            option(command, "-serial", "chardev:console");
        } else { // such a kernel has no driver for a serial line either
            option(command, "-device", "virtconsole,chardev=console");
        }
        option(command, "-device", QemuWires.firstDevice());
        command.addAll(wires.furtherChannels());
        option(command, "-object", "rng-builtin,id=random");
        option(command, "-device", type.device("virtio-rng") + ",rng=random");
        option(command, "-chardev", wires.monitor());
        option(command, "-mon", "chardev=monitor,mode=control");
        int disks = places ? spec.places() : spec.disks().size();
        for (int i = 0; i < disks; i++) {
            boolean taken = i < spec.disks().size();
            String empty = i < GuestPlaces.KEPT ? ANYTHING : NOTHING;
            String drive = taken ? file(spec, spec.disks().get(i), seen) : empty;
            String later = origin instanceof Origin.Spare ? Disk.layer(i) + ",id=" + Disk.place(i) : Disk.place(i);
            String serial = taken ? spec.disks().get(i).serial() : later;
            option(command, "-drive", "if=none,id=disk" + i + "," + drive);
            option(command, "-device", type.device("virtio-blk") + ",drive=disk" + i + ",serial=" + serial);
        }
        int next = isGivenMemory(origin) ? Home.FURTHER + 1 : Home.FURTHER;
        if (spec.files().isPresent()) {
            option(command, "-chardev", "socket,id=files,fd=" + next++);
            option(command, "-device", type.device("vhost-user-fs") + ",chardev=files,tag=" + FileServer.TAG);
        }
        card(command, type, spec, places, next);
        return command;
    }

    private static void card(List<String> command, QemuType type, MachineSpec spec, boolean place, int descriptor) {
        String device = type.device("virtio-net");
        if (type == QemuType.Q35) {
            device += ",romfile="; // nobody boots from a network
        }
        if (spec.card().isPresent()) {
            option(command, "-netdev", "tap,id=network,fd=" + descriptor);
            option(
                    command,
                    "-device",
                    device + ",netdev=network,mac=" + spec.card().get().station());
        } else if (place) {
            option(command, "-device", device); // a place, as those of the disks
        }
    }

    /** Whether a machine has all the devices that a clone of its mould can have. */
    private static boolean hasPlaces(Origin origin) {
        return switch (origin) {
            case Origin.Boot _ -> false;
            case Origin.Mould _, Origin.Clone _, Origin.Spare _ -> true;
            case Origin.Saved saved -> saved.places();
        };
    }

    private static boolean isGivenMemory(Origin origin) {
        return origin instanceof Origin.Mould || origin instanceof Origin.Clone || origin instanceof Origin.Spare;
    }

    private static String file(MachineSpec spec, Disk disk, UnaryOperator<Path> seen) {
        return "format=raw,readonly=" + (disk.readOnly() ? "on" : "off")
                + (spec.isWrittenDirectly(disk) ? ",cache.direct=on" : "") + ",file="
                + escaped(seen.apply(disk.file()));
    }

    private static void kernel(List<String> command, QemuType type, MachineSpec spec, UnaryOperator<Path> seen) {
        option(command, "-kernel", seen.apply(spec.kernel()).toString());
        option(command, "-initrd", seen.apply(spec.initramfs()).toString());
        String timer = measuresTimer(type, spec) ? " " + TimerWatch.words() : "";
        option(command, "-append", kernelCommandLine(spec) + timer);
    }

    /** The guest's memory is a file that QEMU was given, which it has to open once more by a name. */
    private static void memory(List<String> command, MachineSpec spec, String shared) {
        option(
                command,
                "-object",
                "memory-backend-file," + memory(spec) + ",share=" + shared + ",mem-path=/proc/self/fd/" + Home.FURTHER);
    }

    private static String memory(MachineSpec spec) {
        return "id=ram,size=" + (spec.memory().bytes() >> 20) + "M";
    }

    /** Whether a machine that boots has a timer of which its kernel knows nothing, and nothing good to measure it by. */
    static boolean measuresTimer(QemuType type, MachineSpec spec) {
        return type == QemuType.MICROVM && spec.acpi() && spec.acceleration() instanceof Acceleration.Emulated;
    }

    /** What is weaker here than a kernel's default concerns the emulated machine alone, whose boot it makes a third shorter. */
    static String kernelCommandLine(MachineSpec spec) {
        // Without ACPI a kernel knows but one way to end its machine: an error that no processor survives.
        String common = spec.acpi() ? "console=ttyS0 quiet panic=-1" : "console=hvc0 quiet panic=-1 reboot=t";
        return switch (spec.acceleration()) {
            case Acceleration.Kvm _ -> common;
            case Acceleration.Emulated(long kilohertz) ->
                common + " nr_cpus=" + spec.processors() + " tsc_early_khz=" + kilohertz
                        + " tsc=reliable cryptomgr.notests"
                        + " initcall_blacklist=init_kprobe_trace,load_system_certificate_list";
        };
    }

    /**
     * A machine that can never have a second processor is emulated without memory barriers (QEMU's CF_PARALLEL), as if nobody else
     * saw its memory; its devices are threads that do: of a queue's announcements one could get lost.
     */
    private static String processors(MachineSpec spec) {
        return switch (spec.acceleration()) {
            case Acceleration.Kvm _ -> Integer.toString(spec.processors());
            case Acceleration.Emulated _ ->
                "cpus=%d,maxcpus=%d".formatted(spec.processors(), Math.max(2, spec.processors()));
        };
    }

    /** In QEMU's options a comma that is meant is written twice. */
    private static String escaped(Path path) {
        return path.toString().replace(",", ",,");
    }

    private static void option(List<String> command, String... words) {
        command.addAll(List.of(words));
    }
}
