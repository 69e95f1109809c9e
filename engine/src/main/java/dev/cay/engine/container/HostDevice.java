package dev.cay.engine.container;

/** Devices of this machine that a container can be given, besides those that lead nowhere. Admin-guide/devices.txt has the numbers. */
public enum HostDevice {
    /** By which machines are run: whoever has it can ask a large part of the kernel for something. */
    KVM("kvm", 10, 232);

    private final String text;
    private final int major;
    private final int minor;

    HostDevice(String text, int major, int minor) {
        this.text = text;
        this.major = major;
        this.minor = minor;
    }

    /** Its name in {@code /dev}. */
    public String text() {
        return text;
    }

    int major() {
        return major;
    }

    int minor() {
        return minor;
    }
}
