package dev.cay.engine.microvm;

/** The machines of QEMU that guests run on. */
public enum QemuType {
    /** No firmware to speak of, no PCI: virtio devices on a bus of their own. */
    MICROVM("microvm", "device"),
    /** A PC with PCI, for kernels that have no virtio-mmio and for a QEMU that has no {@link #MICROVM}. It boots more slowly. */
    Q35("q35", "pci");

    private final String text;
    private final String bus;

    QemuType(String text, String bus) {
        this.text = text;
        this.bus = bus;
    }

    /** QEMU's name of it. */
    String text() {
        return text;
    }

    /** What QEMU calls a virtio device on its bus. */
    String device(String kind) {
        return kind + "-" + bus;
    }

    /** With which options it is made, that of the guest's memory aside. */
    String options(boolean acpi) {
        return switch (this) {
            // Without the clock of a PC the kernel waits for it, two seconds.
            case MICROVM -> text + ",rtc=on," + (acpi ? "acpi=on,isa-serial=on" : "acpi=off,isa-serial=off");
            case Q35 -> text + ",usb=off,vmport=off,acpi=" + (acpi ? "on" : "off");
        };
    }
}
