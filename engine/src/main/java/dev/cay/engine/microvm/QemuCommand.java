package dev.cay.engine.microvm;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * How QEMU is called: no shell, no configuration files, nothing that is not said here. Its descriptors 0, 1 and 2 are sockets: QMP,
 * the channel, and the guest's console together with what QEMU itself has to say. If it has a network card, 3 is a tap device.
 */
final class QemuCommand {
    static final String PROGRAM = "/usr/bin/qemu-system-x86_64";

    /** What QEMU may use to keep translated code, in MiB; by default it takes up to a gigabyte. */
    static final int TRANSLATION_MIB = 128;

    private QemuCommand() {}

    static List<String> of(MachineSpec spec, UnaryOperator<Path> seen) {
        List<String> command = new ArrayList<>(List.of(PROGRAM));
        option(command, "-nodefaults");
        option(command, "-no-user-config");
        option(command, "-no-reboot");
        option(command, "-display", "none");
        option(command, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
        // Without the clock of a PC the kernel waits for it, two seconds.
        option(command, "-machine", "microvm,acpi=on,rtc=on,isa-serial=on");
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
        option(command, "-smp", Integer.toString(spec.processors()));
        option(command, "-m", (spec.memory().bytes() >> 20) + "M");
        option(command, "-kernel", seen.apply(spec.kernel()).toString());
        option(command, "-initrd", seen.apply(spec.initramfs()).toString());
        option(command, "-append", kernelCommandLine(spec));
        option(command, "-global", "virtio-mmio.force-legacy=false");
        option(command, "-chardev", "socket,id=console,fd=2");
        option(command, "-serial", "chardev:console");
        option(command, "-chardev", "socket,id=channel,fd=1");
        option(command, "-device", "virtio-serial-device");
        option(command, "-device", "virtserialport,chardev=channel,name=" + Machine.PORT);
        option(command, "-object", "rng-builtin,id=random");
        option(command, "-device", "virtio-rng-device,rng=random");
        option(command, "-chardev", "socket,id=monitor,fd=0");
        option(command, "-mon", "chardev=monitor,mode=control");
        for (int i = 0; i < spec.disks().size(); i++) {
            Disk disk = spec.disks().get(i);
            option(
                    command,
                    "-drive",
                    "if=none,format=raw,id=disk" + i + ",readonly=" + (disk.readOnly() ? "on" : "off") + ",file="
                            + escaped(seen.apply(disk.file())));
            option(command, "-device", "virtio-blk-device,drive=disk" + i + ",serial=" + disk.serial());
        }
        spec.card().ifPresent(card -> {
            option(command, "-netdev", "tap,id=network,fd=3");
            option(command, "-device", "virtio-net-device,netdev=network,mac=" + card.station());
        });
        return command;
    }

    /** What is weaker here than a kernel's default concerns the emulated machine alone, whose boot it makes a third shorter. */
    static String kernelCommandLine(MachineSpec spec) {
        String common = "console=ttyS0 quiet panic=-1";
        return switch (spec.acceleration()) {
            case Acceleration.Kvm _ -> common;
            case Acceleration.Emulated(long kilohertz) ->
                common + " tsc_early_khz=" + kilohertz + " tsc=reliable cryptomgr.notests"
                        + " initcall_blacklist=init_kprobe_trace,load_system_certificate_list";
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
