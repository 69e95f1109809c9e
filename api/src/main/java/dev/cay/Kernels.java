package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The kernels that microVMs of this machine can boot. Thread-safe, also between processes. */
public interface Kernels {
    /**
     * A kernel.
     *
     * @param name its name
     * @param release the version, as {@code uname -r} prints it in a guest
     * @param modules how many modules a guest is given with it; none if all it needs is built in
     * @param size what it takes of the disk
     * @param preferred whether it is the one that is booted if no other is asked for
     * @param lacking modules that an older version of Cay did not take out of its files, and today's would: to be added again by
     *     whoever needs them
     */
    record Info(String name, String release, int modules, Size size, boolean preferred, List<String> lacking) {
        public Info {
            lacking = List.copyOf(lacking);
            Check.name("the kernel's name", name);
            requireNonNull(release, "release is null");
            requireNonNull(size, "size is null");
        }

        /** One that lacks nothing. */
        public Info(String name, String release, int modules, Size size, boolean preferred) {
            this(name, release, modules, size, preferred, List.of());
        }
    }

    /**
     * Takes a kernel for x86-64 out of files, which stay as they are and are needed no more afterwards: one or several Debian
     * packages ({@code linux-image-*.deb}, with {@code linux-modules-*.deb} where that is apart; they are not installed), an
     * installed kernel ({@code /boot/vmlinuz-*}, with {@code /lib/modules} beside it), or an uncompressed {@code vmlinux} that has
     * built in all that a guest needs. The first one becomes the preferred one.
     *
     * @param name what it is to be called; like its release if empty
     * @throws SandboxException.InvalidSpec if they are no kernel, or none that a microVM can boot
     * @throws SandboxException.Conflict if there is one of this name
     */
    Info add(List<Path> files, Optional<String> name);

    /** All of them, by name. */
    List<Info> list();

    /**
     * Makes a kernel the preferred one.
     *
     * @throws SandboxException.NotFound if there is none of this name
     */
    void prefer(String name);

    /**
     * Removes a kernel. MicroVMs that run it go on.
     *
     * @throws SandboxException.NotFound if there is none
     */
    void remove(String name);
}
