package dev.cay;

import java.util.Arrays;
import java.util.Optional;

/** The programs that run the machines of microVMs, the virtual machine monitors. Which of them are here is said by {@code cay doctor}. */
public enum VmmKind {
    /** QEMU's machine {@code microvm}: everything that Cay does with microVMs, also where the processor runs no guests. */
    QEMU("qemu"),
    /** QEMU's machine {@code q35}, a PC with PCI: for kernels without virtio-mmio, and for a QEMU that has no other. No templates. */
    QEMU_Q35("qemu-q35"),
    /** Firecracker: by KVM only; no network, no files of this machine, no templates. */
    FIRECRACKER("firecracker"),
    /** Cloud Hypervisor: by KVM only; no files of this machine, no templates. */
    CLOUD_HYPERVISOR("cloud-hypervisor");

    private final String text;

    VmmKind(String text) {
        this.text = text;
    }

    /** The stable name. */
    public String text() {
        return text;
    }

    /** That of a name; empty if there is none. */
    public static Optional<VmmKind> of(String text) {
        return Arrays.stream(values()).filter(kind -> kind.text.equals(text)).findFirst();
    }
}
