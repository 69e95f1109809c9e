package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * A disk of a machine: a file, byte for byte.
 *
 * @param file on this machine
 * @param serial by which the guest finds it, in {@code /sys/block/vd?/serial}; at most 20 letters and digits, as virtio has it
 * @param readOnly whether the VMM opens it for reading only
 */
public record Disk(Path file, String serial, boolean readOnly) {
    private static final Pattern SERIAL = Pattern.compile("[a-z0-9]{1,20}");

    public Disk {
        requireNonNull(file, "file is null");
        if (!SERIAL.matcher(serial).matches()) {
            throw new IllegalArgumentException("'" + serial + "' is no serial of a disk");
        }
    }

    /** The serial of an image's layer, the lowest being that of 0. */
    static String layer(int number) {
        return "layer" + number;
    }

    /** The serial of the disk in a place of a mould's where there is none. */
    static String place(int number) {
        return "place" + number;
    }
}
