package dev.cay.engine.kernels;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where a kernel is taken from. */
sealed interface KernelSource {
    /** How much of a file is looked at to tell what it is. */
    int HEAD = 4096;

    /** How a kernel begins the text that names its version (init/version-timestamp.c). */
    Pattern BANNER = Pattern.compile("Linux version ([0-9][A-Za-z0-9.+~_-]{0,63}) \\(");

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

    /**
     * Tells by their content what files are.
     *
     * @throws BadKernelException if they are nothing that is known here
     */
    static KernelSource of(List<Path> files) throws IOException {
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
            return new Vmlinux(first);
        }
        throw new BadKernelException(first + " is neither a Debian package nor a vmlinuz nor a vmlinux");
    }

    /**
     * A kernel, on its way into the store.
     *
     * @param release its version
     * @param modules what has to be loaded
     */
    record Unpacked(String release, ModuleSet modules) {}

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
                yield new Unpacked(release(vmlinux), ModuleSet.none());
            }
        };
        Elf.requireVmlinux(vmlinux);
        return unpacked;
    }

    private static Unpacked compressed(Path image, Path vmlinux, Path modules, KernelLimits limits) throws IOException {
        BzImage kernel = BzImage.read(image, limits);
        kernel.extract(image, vmlinux, limits);
        if (!Files.isDirectory(modules)) {
            throw new BadKernelException("its modules are missing: there is no " + modules);
        }
        return new Unpacked(kernel.release(), ModuleSet.of(modules, limits));
    }

    /** Looks for the text with which a kernel greets. */
    private static String release(Path vmlinux) throws IOException {
        int overlap = 256;
        byte[] window = new byte[1 << 20];
        int kept = 0;
        try (var in = Files.newInputStream(vmlinux)) {
            for (int count = in.readNBytes(window, 0, window.length);
                    count > 0;
                    count = in.readNBytes(window, kept, window.length - kept)) {
                int length = kept + count;
                Matcher banner = BANNER.matcher(new String(window, 0, length, StandardCharsets.ISO_8859_1));
                if (banner.find()) {
                    return Release.check(banner.group(1));
                }
                kept = Math.min(overlap, length);
                System.arraycopy(window, length - kept, window, 0, kept);
            }
        }
        throw new BadKernelException("it does not say which version it is");
    }
}
