package dev.cay.engine.kernels;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The modules of a kernel that a guest needs, in the order in which they are to be loaded: each behind those that it uses.
 *
 * @param files the content of each, by its name
 */
record ModuleSet(Map<String, byte[]> files) {
    /**
     * What the first process cannot do without: how its channel and its disks are found and driven, and the file systems of images.
     * Of virtio's transports a kernel may lack one.
     */
    static final List<String> REQUIRED = List.of("virtio_console", "virtio_blk", "erofs", "overlay");

    /** What is loaded if it is there. */
    static final List<String> WANTED = List.of(
            "virtio_mmio",
            "virtio_pci",
            "virtio_net",
            "ext4",
            "crc32c_generic",
            "virtio_rng",
            "fuse",
            "virtiofs",
            "vmw_vsock_virtio_transport");

    /** Of these, what was looked for before it was written down. */
    static final List<String> WANTED_EARLIER = WANTED.subList(0, WANTED.indexOf("vmw_vsock_virtio_transport"));

    private static final int MAXIMUM = 256;

    /** A kernel that has all it needs built in. */
    static ModuleSet none() {
        return new ModuleSet(Map.of());
    }

    /**
     * Chooses from a directory.
     *
     * @param directory {@code lib/modules/RELEASE}
     * @throws BadKernelException if a module that is needed is neither there nor built in
     */
    static ModuleSet of(Path directory, KernelLimits limits) throws IOException {
        Map<String, Path> there = find(directory, limits);
        Path list = directory.resolve("modules.builtin");
        Set<String> builtIn = new HashSet<>(Files.exists(list) ? ModuleFile.builtIn(list) : List.of());
        Choice choice = new Choice(there, builtIn, limits);
        for (String name : WANTED) {
            if (name.startsWith("virtio_") && there.containsKey(name)) {
                choice.add(name); // the transports first, so that devices are there when their drivers come
            }
        }
        for (String name : REQUIRED) {
            if (!there.containsKey(name) && !builtIn.contains(name)) {
                throw new BadKernelException(
                        "there is no module " + name + " in " + directory + ", and it is not built in");
            }
            choice.add(name);
        }
        for (String name : WANTED) {
            if (there.containsKey(name)) {
                choice.add(name);
            }
        }
        return new ModuleSet(choice.chosen);
    }

    private static Map<String, Path> find(Path directory, KernelLimits limits) throws IOException {
        Map<String, Path> modules = new TreeMap<>();
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            private int seen;

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                seen++;
                if (seen > limits.files()) {
                    throw new BadKernelException(directory + " has more than " + limits.files() + " files");
                }
                String name = file.getFileName().toString();
                if (attributes.isRegularFile() && ModuleFile.isName(name)) {
                    modules.put(ModuleFile.name(name), file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return modules;
    }

    private record Choice(
            Map<String, Path> there,
            Set<String> builtIn,
            KernelLimits limits,
            Map<String, byte[]> chosen,
            Set<String> open) {
        Choice(Map<String, Path> there, Set<String> builtIn, KernelLimits limits) {
            this(there, builtIn, limits, new LinkedHashMap<>(), new HashSet<>());
        }

        void add(String name) throws IOException {
            if (chosen.containsKey(name) || !there.containsKey(name) && builtIn.contains(name)) {
                return;
            }
            Path file = there.get(name);
            if (file == null) {
                throw new BadKernelException("there is no module " + name + ", which others need");
            }
            if (!open.add(name) || open.size() > MAXIMUM) {
                throw new BadKernelException("the module " + name + " depends on itself");
            }
            ModuleFile module = ModuleFile.read(file, limits);
            for (String dependency : module.dependencies()) {
                add(dependency);
            }
            open.remove(name);
            chosen.put(name, module.bytes());
        }
    }
}
