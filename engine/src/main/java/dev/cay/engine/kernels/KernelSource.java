package dev.cay.engine.kernels;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Where a kernel is taken from. */
sealed interface KernelSource {
    /** How much of a file is looked at to tell what it is. */
    int HEAD = 4096;

    /** Packages of Debian or of what descends from it. */
    record Packages(List<Path> files) implements KernelSource {
        public Packages {
            files = List.copyOf(files);
        }
    }

    /** What a package has installed: a file of {@code /boot}. */
    record Installed(Path image) implements KernelSource {}

    /** An uncompressed kernel that has built in all that a guest needs. */
    record Vmlinux(Path file) implements KernelSource {}

    /** A library that has such a kernel in it: libkrunfw. */
    record Library(Path file) implements KernelSource {}

    /**
     * Tells by their content what files are.
     *
     * @throws BadKernelException if they are nothing that is known here
     */
    static KernelSource of(List<Path> files, KernelLimits limits) throws IOException {
        if (files.isEmpty()) {
            throw new BadKernelException("no file is named");
        }
        Path first = files.getFirst();
        ByteBuffer head = Elf.head(first, HEAD);
        if (DebianPackage.isOne(head.array())) {
            return new Packages(files);
        }
        if (files.size() > 1) {
            throw new BadKernelException("only of packages there can be several");
        }
        if (BzImage.isOne(head)) {
            return new Installed(first);
        }
        if (Elf.isOne(head)) {
            return Elf.type(head) == Elf.LIBRARY && KrunLibrary.isOne(first, limits)
                    ? new Library(first)
                    : new Vmlinux(first);
        }
        throw new BadKernelException(first + " is neither a Debian package nor a vmlinuz nor a vmlinux nor libkrunfw");
    }

    /**
     * A kernel, on its way into the store.
     *
     * @param release its version
     * @param acpi whether it knows ACPI
     * @param modules what has to be loaded
     */
    record Unpacked(String release, boolean acpi, ModuleSet modules) {}

    /**
     * Puts the kernel, uncompressed and checked, into a file.
     *
     * @param work an empty directory, for what is needed meanwhile
     * @param libraries where installed modules are, {@code /lib/modules}
     */
    default Unpacked unpack(Path vmlinux, Path work, Path libraries, KernelLimits limits) throws IOException {
        Unpacked unpacked = switch (this) {
            case Packages(List<Path> files) -> {
                Optional<String> release = Optional.empty();
                for (Path file : files) {
                    release = DebianPackage.unpack(file, work, release, limits);
                }
                Path image = work.resolve("vmlinuz");
                if (!Files.exists(image)) {
                    throw new BadKernelException("there is no boot/vmlinuz-* in it");
                }
                yield compressed(image, vmlinux, work.resolve("modules"), limits);
            }
            case Installed(Path image) ->
                compressed(
                        image,
                        vmlinux,
                        libraries.resolve(BzImage.read(image, limits).release()),
                        limits);
            case Vmlinux(Path file) -> {
                if (Files.size(file) > limits.vmlinux()) {
                    throw new BadKernelException("it has more than " + (limits.vmlinux() >> 20) + " MiB");
                }
                Elf.requireVmlinux(file);
                Files.copy(file, vmlinux);
                yield complete(vmlinux);
            }
            case Library(Path file) -> {
                KrunLibrary.read(Files.readAllBytes(file)).write(vmlinux);
                yield complete(vmlinux);
            }
        };
        Elf.requireVmlinux(vmlinux);
        return unpacked;
    }

    /** A kernel that has all it needs. */
    private static Unpacked complete(Path vmlinux) throws IOException {
        KernelText text = KernelText.of(vmlinux);
        String release =
                text.release().orElseThrow(() -> new BadKernelException("it does not say which version it is"));
        return new Unpacked(release, text.acpi(), ModuleSet.none());
    }

    private static Unpacked compressed(Path image, Path vmlinux, Path modules, KernelLimits limits) throws IOException {
        BzImage kernel = BzImage.read(image, limits);
        kernel.extract(image, vmlinux, limits);
        if (!Files.isDirectory(modules)) {
            throw new BadKernelException("its modules are missing: there is no " + modules);
        }
        return new Unpacked(kernel.release(), KernelText.of(vmlinux).acpi(), ModuleSet.of(modules, limits));
    }
}
