package dev.cay.engine.kernels;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A kernel that can be booted.
 *
 * @param name what it is called in the store
 * @param release its version
 * @param acpi whether it finds its devices by ACPI, and switches its machine off so; else by its command line, and not at all
 * @param vmlinux an ELF file with a PVH note
 * @param modules what has to be loaded, in this order
 */
public record GuestKernel(String name, String release, boolean acpi, Path vmlinux, List<Path> modules) {
    public GuestKernel {
        requireNonNull(name, "name is null");
        requireNonNull(release, "release is null");
        requireNonNull(vmlinux, "vmlinux is null");
        modules = List.copyOf(modules);
    }

    /** Tells it from another one that is, or was, called like it. */
    public String identity() throws IOException {
        return Long.toHexString(Files.getLastModifiedTime(vmlinux).to(TimeUnit.NANOSECONDS));
    }
}
