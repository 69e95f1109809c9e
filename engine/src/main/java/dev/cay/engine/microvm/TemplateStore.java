package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import dev.cay.linux.MemoryFile;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
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
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The templates of this machine. Thread-safe, also between processes.
 *
 * <pre>
 * NAME/template.json   what it is, and its key
 * NAME/state           its processor and its devices, as QEMU wrote it
 * NAME/pages           its memory's pages, those that are not zero
 * NAME/places          where they belong
 * .lock                held by whoever adds or removes one
 * </pre>
 *
 * A template appears and disappears as a whole; what is being made when its maker is killed is removed by the next one.
 */
final class TemplateStore {
    private static final int MAXIMUM_DOCUMENT = 8192;

    /** QEMU writes about a megabyte. */
    private static final int MAXIMUM_STATE = 64 << 20;

    /** So long nobody takes to write one. */
    private static final Duration STALE = Duration.ofHours(1);

    private final Path base;

    private TemplateStore(Path base) {
        this.base = base;
    }

    static TemplateStore open(Path base) throws IOException {
        return new TemplateStore(Directories.make(base).toRealPath());
    }

    List<Template> list() throws IOException {
        List<Template> templates = new ArrayList<>();
        for (String name : Directories.names(base).stream().sorted().toList()) {
            find(name).ifPresent(templates::add);
        }
        return templates;
    }

    Optional<Template> find(String name) throws IOException {
        if (name.startsWith(".") || name.contains("/")) {
            return Optional.empty();
        }
        try (var in = Files.newInputStream(base.resolve(name).resolve("template.json"))) {
            return Optional.of(
                    Template.parse(name, new String(in.readNBytes(MAXIMUM_DOCUMENT), StandardCharsets.UTF_8)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** What it takes of the disk. */
    Size size(String name) throws IOException {
        long size = 0;
        for (String file : Directories.names(base.resolve(name))) {
            size += Files.size(base.resolve(name).resolve(file));
        }
        return Size.bytes(size);
    }

    /**
     * Keeps a template.
     *
     * @param memory of the guest, not written to any more
     * @throws SandboxException.Conflict if there is one of this name
     */
    void add(Template template, MemoryFile memory, MemoryFile state) throws IOException {
        Directories.sweep(base, Instant.now().minus(STALE));
        Path born = base.resolve(Directories.NEW + random());
        try {
            Files.createDirectory(born, Directories.PRIVATE);
            try (FileChannel from = memory.open(StandardOpenOption.READ);
                    FileChannel pages = create(born.resolve("pages"));
                    FileChannel placesFile = create(born.resolve("places"));
                    DataOutputStream places = new DataOutputStream(
                            new BufferedOutputStream(java.nio.channels.Channels.newOutputStream(placesFile)))) {
                TemplateMemory.write(from, memory.size(), pages, places);
                places.flush();
                pages.force(true);
                placesFile.force(true);
            }
            try (FileChannel from = state.open(StandardOpenOption.READ);
                    FileChannel to = create(born.resolve("state"))) {
                to.transferFrom(from, 0, from.size());
                to.force(true);
            }
            sync(Files.writeString(born.resolve("template.json"), template.json()));
            sync(born);
            FileLocks.locked(lock(), () -> {
                Path place = base.resolve(template.name());
                if (Files.exists(place)) {
                    throw new SandboxException.Conflict(
                            "there is a template " + template.name() + " already", "remove it, or choose another name");
                }
                return Files.move(born, place, StandardCopyOption.ATOMIC_MOVE);
            });
            sync(base);
        } finally {
            Directories.delete(born);
        }
    }

    /**
     * Reads what {@link #add} has written.
     *
     * @param memory as large as the template's, full of zeros
     */
    void read(Template template, MemoryFile memory, MemoryFile state) throws IOException {
        Path directory = base.resolve(template.name());
        try (FileChannel pages = FileChannel.open(directory.resolve("pages"));
                DataInputStream places = new DataInputStream(
                        new BufferedInputStream(Files.newInputStream(directory.resolve("places"))));
                FileChannel to = memory.open(StandardOpenOption.WRITE)) {
            TemplateMemory.read(pages, places, to, memory.size());
        }
        try (FileChannel from = FileChannel.open(directory.resolve("state"));
                FileChannel to = state.open(StandardOpenOption.WRITE)) {
            if (from.size() > MAXIMUM_STATE) {
                throw new IOException("its state is too large");
            }
            to.transferFrom(from, 0, from.size());
        }
    }

    /** @throws SandboxException.NotFound if there is none of this name */
    void remove(String name) throws IOException {
        Path gone = base.resolve(Directories.GONE + random());
        FileLocks.locked(lock(), () -> {
            if (name.startsWith(".") || name.contains("/") || !Files.isDirectory(base.resolve(name))) {
                throw new SandboxException.NotFound("there is no template " + name, "see: cay template ls");
            }
            return Files.move(base.resolve(name), gone, StandardCopyOption.ATOMIC_MOVE);
        });
        Directories.delete(gone);
    }

    private Path lock() {
        return base.resolve(".lock");
    }

    private static FileChannel create(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }
}
