package dev.cay.engine.kernels;

import dev.cay.Kernels;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import dev.cay.engine.state.HostFailure;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The kernels of this machine.
 *
 * <pre>
 * NAME/kernel.json       its release, and whether it knows ACPI
 * NAME/vmlinux           the kernel, uncompressed
 * NAME/modules/NN-NAME   what has to be loaded, in the order of these names
 * preferred              the name of the one that is booted if no other is asked for
 * .lock                  held by whoever changes any of this
 * </pre>
 *
 * A kernel appears and disappears as a whole; what is being made when its maker is killed is removed by the next one.
 */
public final class KernelStore implements Kernels {
    /** The name of the directory. */
    public static final String NAME = "kernels";

    /** The first one did not say whether a kernel knows ACPI: each did. */
    private static final int VERSION = 3;

    private static final int MAXIMUM_DOCUMENT = 4096;
    private static final String HINT = "see 'cay help kernel' for what can be taken";

    /** So long nobody takes to make one. */
    private static final Duration STALE = Duration.ofHours(1);

    private final Path base;
    private final Path libraries;
    private final KernelLimits limits;

    private KernelStore(Path base, Path libraries, KernelLimits limits) {
        this.base = base;
        this.libraries = libraries;
        this.limits = limits;
    }

    /** Opens the kernels in a directory, which is made if it is missing. */
    public static KernelStore open(Path base) throws IOException {
        return open(base, Path.of("/lib/modules"), KernelLimits.STANDARD);
    }

    static KernelStore open(Path base, Path libraries, KernelLimits limits) throws IOException {
        return new KernelStore(Directories.make(base).toRealPath(), libraries, limits);
    }

    /**
     * A kernel to be booted.
     *
     * @param name the preferred one if empty
     * @throws SandboxException.NotFound if there is none
     */
    public GuestKernel find(Optional<String> name) {
        return guarded("read the kernels", () -> {
            String wanted = name.or(this::preferred)
                    .orElseThrow(() -> new SandboxException.NotFound(
                            "there is no kernel for microVMs on this machine",
                            "add one: cay kernel add linux-image-cloud-amd64.deb (see 'cay help kernel')"));
            Document document = document(wanted).orElseThrow(() -> notFound(wanted));
            Path vmlinux = base.resolve(wanted).resolve("vmlinux");
            return new GuestKernel(wanted, document.release(), document.acpi(), vmlinux, modules(wanted));
        });
    }

    @Override
    public Info add(List<Path> files, Optional<String> name) {
        name.ifPresent(wanted -> new Info(wanted, "", 0, Size.bytes(0), false));
        Path born = base.resolve(Directories.NEW + random());
        return guarded("keep the kernel", () -> {
            Directories.sweep(base, Instant.now().minus(STALE));
            Path work = base.resolve(Directories.NEW + random());
            try {
                Files.createDirectory(born, Directories.PRIVATE);
                Files.createDirectory(work, Directories.PRIVATE);
                String release = make(KernelSource.of(files, limits), born, work);
                return named(born, name.orElse(release.replaceAll("[^a-zA-Z0-9_.-]", "-")));
            } catch (NoSuchFileException e) {
                throw new SandboxException.InvalidSpec("there is no file " + e.getFile(), HINT);
            } catch (BadKernelException e) {
                throw refused(files, e);
            } finally {
                Directories.delete(work);
                Directories.delete(born);
            }
        });
    }

    private String make(KernelSource source, Path born, Path work) throws IOException {
        Path vmlinux = born.resolve("vmlinux");
        KernelSource.Unpacked unpacked;
        try {
            unpacked = source.unpack(vmlinux, work, libraries, limits);
        } catch (BadKernelException | NoSuchFileException e) {
            throw e;
        } catch (IOException e) {
            // Decompressors say by any exception that what they read is damaged; a disk that is full says it here too.
            throw new BadKernelException(String.valueOf(e.getMessage()));
        }
        sync(vmlinux);
        Path modules = Files.createDirectory(born.resolve("modules"));
        int number = 0;
        for (Map.Entry<String, byte[]> module : unpacked.modules().files().entrySet()) {
            number++;
            String place = number < 10 ? "0" + number : Integer.toString(number);
            sync(Files.write(modules.resolve(place + "-" + module.getKey() + ".ko"), module.getValue()));
        }
        String json = JsonWriter.object(out -> out.field("version", VERSION)
                .field("release", unpacked.release())
                .field("acpi", unpacked.acpi())
                .texts("wanted", ModuleSet.WANTED));
        sync(Files.writeString(born.resolve("kernel.json"), json));
        sync(modules);
        sync(born);
        return unpacked.release();
    }

    private Info named(Path born, String name) throws IOException {
        return FileLocks.locked(lock(), () -> {
            if (Files.exists(base.resolve(name))) {
                throw new SandboxException.Conflict(
                        "there is a kernel " + name + " already", "remove it, or choose another name with --name");
            }
            Files.move(born, base.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            if (preferred().isEmpty()) {
                write(name);
            }
            sync(base);
            return info(name).orElseThrow(() -> notFound(name));
        });
    }

    private static SandboxException refused(List<Path> files, IOException e) {
        return new SandboxException.InvalidSpec(
                "no kernel for microVMs in "
                        + String.join(", ", files.stream().map(Path::toString).toList()) + ": " + e.getMessage(),
                HINT);
    }

    @Override
    public List<Info> list() {
        return guarded("read the kernels", () -> {
            List<Info> kernels = new ArrayList<>();
            for (String name : Directories.names(base).stream().sorted().toList()) {
                info(name).ifPresent(kernels::add);
            }
            return kernels;
        });
    }

    @Override
    public void prefer(String name) {
        guarded(
                "prefer a kernel",
                () -> FileLocks.locked(lock(), () -> {
                    Info info = info(name).orElseThrow(() -> notFound(name));
                    write(info.name());
                    return info;
                }));
    }

    @Override
    public void remove(String name) {
        guarded("remove the kernel", () -> {
            Path gone = base.resolve(Directories.GONE + random());
            FileLocks.locked(lock(), () -> {
                Info info = info(name).orElseThrow(() -> notFound(name));
                if (info.preferred()) {
                    Files.deleteIfExists(base.resolve("preferred"));
                }
                return Files.move(base.resolve(name), gone, StandardCopyOption.ATOMIC_MOVE);
            });
            Directories.delete(gone);
            return name;
        });
    }

    private Optional<Info> info(String name) throws IOException {
        Optional<Document> document = document(name);
        if (document.isEmpty()) {
            return Optional.empty();
        }
        List<Path> modules = modules(name);
        long size = Files.size(base.resolve(name).resolve("vmlinux"));
        for (Path module : modules) {
            size += Files.size(module);
        }
        boolean isPreferred = preferred().filter(name::equals).isPresent();
        return Optional.of(new Info(
                name,
                document.get().release(),
                modules.size(),
                Size.bytes(size),
                isPreferred,
                lacking(document.get(), modules)));
    }

    /** A kernel that has come without any module has all built in. */
    private static List<String> lacking(Document document, List<Path> modules) {
        return ModuleSet.WANTED.stream()
                .filter(name -> !modules.isEmpty() && !document.wanted().contains(name))
                .filter(name -> modules.stream()
                        .noneMatch(module -> module.getFileName().toString().endsWith("-" + name + ".ko")))
                .toList();
    }

    /**
     * What is written down of a kernel.
     *
     * @param wanted the modules that were looked for when it was added
     */
    private record Document(String release, boolean acpi, List<String> wanted) {}

    private Optional<Document> document(String name) throws IOException {
        if (name.startsWith(".") || name.contains("/")) {
            return Optional.empty();
        }
        Path file = base.resolve(name).resolve("kernel.json");
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        String json;
        try (var in = Files.newInputStream(file)) {
            json = new String(in.readNBytes(MAXIMUM_DOCUMENT), StandardCharsets.UTF_8);
        }
        return Optional.of(JsonObject.read(json, "the kernel " + name, "remove it and add it again", in -> {
            long version = in.number("version", 1, VERSION);
            boolean acpi = version == 1 || in.flag("acpi");
            List<String> wanted = version < VERSION ? ModuleSet.WANTED_EARLIER : in.texts("wanted");
            return new Document(in.text("release"), acpi, wanted);
        }));
    }

    private List<Path> modules(String name) throws IOException {
        Path directory = base.resolve(name).resolve("modules");
        return Directories.names(directory).stream()
                .sorted()
                .map(directory::resolve)
                .toList();
    }

    private Optional<String> preferred() {
        return preferred(base);
    }

    /** The name of the preferred one of those in a directory, which may be missing or not to be read. */
    public static Optional<String> preferred(Path base) {
        try {
            String name = Files.readString(base.resolve("preferred")).strip();
            return Files.exists(base.resolve(name).resolve("kernel.json")) ? Optional.of(name) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private void write(String name) throws IOException {
        Path born = base.resolve(Directories.NEW + "preferred");
        Files.writeString(born, name + "\n");
        Files.move(born, base.resolve("preferred"), StandardCopyOption.ATOMIC_MOVE);
    }

    private Path lock() {
        return base.resolve(".lock");
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    private static SandboxException notFound(String name) {
        return new SandboxException.NotFound("there is no kernel " + name, "see: cay kernel ls");
    }

    private static <T> T guarded(String what, FileLocks.Action<T> action) {
        try {
            return action.run();
        } catch (IOException e) {
            throw HostFailure.of("cannot " + what, "", e);
        }
    }
}
