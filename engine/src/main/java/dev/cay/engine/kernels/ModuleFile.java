package dev.cay.engine.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A kernel module, uncompressed. What it depends on it says itself, in the section {@code .modinfo}: zero-terminated texts {@code
 * key=value} (include/linux/module.h). So nothing that depmod(8) makes is needed, and packages do not have it.
 *
 * @param bytes its content; do not modify
 * @param dependencies the names of the modules whose symbols it uses
 */
record ModuleFile(byte[] bytes, List<String> dependencies) {
    private static final int MAXIMUM_DEPENDENCIES = 64;

    static ModuleFile read(Path file, KernelLimits limits) throws IOException {
        String what = file.getFileName().toString();
        try (InputStream in = Codec.open(Files.newInputStream(file), what, limits.module())) {
            byte[] bytes = in.readAllBytes();
            return new ModuleFile(bytes, dependencies(bytes));
        } catch (BadKernelException e) {
            throw new BadKernelException("the module " + what + ": " + e.getMessage());
        }
    }

    static List<String> dependencies(byte[] module) throws BadKernelException {
        ByteBuffer information =
                Elf.section(module, ".modinfo").orElseThrow(() -> new BadKernelException("it has no section .modinfo"));
        List<String> dependencies = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        while (information.hasRemaining()) {
            int c = information.get() & 0xFF;
            if (c != 0) {
                text.append((char) c);
                continue;
            }
            if (text.indexOf("depends=") == 0) {
                for (String name : text.substring("depends=".length()).split(",")) {
                    if (!name.isEmpty()) {
                        dependencies.add(name(name));
                    }
                }
            }
            text.setLength(0);
        }
        if (dependencies.size() > MAXIMUM_DEPENDENCIES) {
            throw new BadKernelException("it depends on " + dependencies.size() + " others");
        }
        return List.copyOf(dependencies);
    }

    /** A module's name of its file's name or of what depends on it: in both, - and _ are the same. */
    static String name(String file) {
        int end = file.indexOf(".ko");
        return (end < 0 ? file : file.substring(0, end)).replace('-', '_');
    }

    /** Whether a file is called like a module. */
    static boolean isName(String file) {
        return file.endsWith(".ko") || file.endsWith(".ko.xz") || file.endsWith(".ko.zst") || file.endsWith(".ko.gz");
    }

    /** The names in a file {@code modules.builtin}: a path of the source tree on each line. */
    static List<String> builtIn(Path file) throws IOException {
        List<String> names = new ArrayList<>();
        for (String line : Files.readString(file, StandardCharsets.ISO_8859_1).split("\n")) {
            names.add(name(line.substring(line.lastIndexOf('/') + 1)));
        }
        return names;
    }
}
