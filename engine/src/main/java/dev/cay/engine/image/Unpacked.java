package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import dev.cay.engine.json.JsonReader;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * The files of an archive of images. They are put aside under numbers, since what says which of them are layers comes last in most
 * archives; none of their names is ever a name here.
 */
final class Unpacked {
    private static final TarLimits LIMITS = new TarLimits(100_000, 4095, 1 << 20, 1 << 20, 256L << 30);
    private static final String HINT =
            "an archive of docker save, podman save or skopeo is wanted; a root file system is for: cay image import";
    private static final int MAXIMUM_LINKS = 8;

    /** How many times its compressed size an archive may have; looked at beyond so many bytes. */
    private static final long EXPANSION = 200;

    private static final long EXPANSION_GRACE = 256L << 20;

    private final Map<String, Path> files = new HashMap<>();
    private final Map<String, String> links = new HashMap<>();

    private Unpacked() {}

    /**
     * Reads an archive to its end.
     *
     * @param archive compressed by gzip, or not
     * @param directory an empty directory, for the files
     */
    static Unpacked read(InputStream archive, Path directory) throws IOException {
        Unpacked unpacked = new Unpacked();
        try {
            InputStream plain = plain(archive);
            TarReader reader = new TarReader(plain, LIMITS);
            for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
                unpacked.add(entry.get(), reader, directory);
            }
            plain.transferTo(OutputStream.nullOutputStream());
        } catch (TarException e) {
            throw bad(e.getMessage() + " (" + e.reason() + ")", e);
        } catch (ZipException | EOFException e) {
            throw bad("it is damaged: " + e.getMessage(), e);
        }
        return unpacked;
    }

    private static InputStream plain(InputStream archive) throws IOException {
        BufferedInputStream in = new BufferedInputStream(archive, 64 * 1024);
        in.mark(2);
        byte[] magic = in.readNBytes(2);
        in.reset();
        boolean gzip = magic.length == 2 && magic[0] == 0x1F && (magic[1] & 0xFF) == 0x8B;
        return gzip ? expanding(in) : in;
    }

    /** All of it goes to the disk before anything is known of it: no more than an archive of images has. */
    private static InputStream expanding(InputStream compressed) throws IOException {
        Counted taken = new Counted(compressed);
        return new Counted(new GZIPInputStream(taken, 64 * 1024)) {
            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                int count = super.read(target, offset, length);
                if (bytes() > EXPANSION_GRACE && bytes() / EXPANSION > taken.bytes()) {
                    throw bad("it expands to more than " + EXPANSION + " times its size (EXPANDS_TOO_MUCH)", null);
                }
                return count;
            }
        };
    }

    /** What is read of a stream, piece by piece. */
    private static class Counted extends FilterInputStream {
        private long bytes;

        private Counted(InputStream in) {
            super(in);
        }

        long bytes() {
            return bytes;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int count = super.read(target, offset, length);
            bytes += Math.max(0, count);
            return count;
        }
    }

    private void add(TarEntry entry, TarReader reader, Path directory) throws IOException {
        String name = name(EntryPath.of(entry.name()).components());
        switch (entry.kind()) {
            case Kind.File _ -> {
                Path file = directory.resolve(Integer.toString(files.size()));
                if (files.put(name, file) != null) {
                    throw bad("it has two files " + name, null);
                }
                try (OutputStream out = Files.newOutputStream(file)) {
                    reader.content().transferTo(out);
                }
            }
            case Kind.SymbolicLink(ByteString target) -> links.put(name, beside(name, target));
            case Kind.HardLink(ByteString target) ->
                links.put(name, name(EntryPath.of(target).components()));
            case Kind.Directory _ -> {}
            case Kind.CharacterDevice _, Kind.BlockDevice _, Kind.Fifo _ ->
                throw bad(name + " is neither a file nor a directory", null);
        }
    }

    private static String name(List<ByteString> components) {
        return components.stream().map(ByteString::toString).collect(Collectors.joining("/"));
    }

    /** Where a symbolic link leads: it is only ever looked up among the names of the archive. */
    private static String beside(String name, ByteString target) {
        List<String> path = new ArrayList<>(List.of(name.split("/")));
        path.removeLast();
        for (String part : target.toString().split("/")) {
            if (part.equals("..")) {
                if (!path.isEmpty()) {
                    path.removeLast();
                }
            } else if (!part.isEmpty() && !part.equals(".")) {
                path.add(part);
            }
        }
        return String.join("/", path);
    }

    /** A file by its name in the archive. */
    Optional<Path> find(String name) {
        String at = name.startsWith("./") ? name.substring(2) : name;
        for (int i = 0; i < MAXIMUM_LINKS && !files.containsKey(at) && links.containsKey(at); i++) {
            at = links.get(at);
        }
        return Optional.ofNullable(files.get(at));
    }

    Path file(String name) {
        return find(name).orElseThrow(() -> bad("it lacks " + shown(name), null));
    }

    /** A small file. */
    byte[] bytes(String name, int maximum) throws IOException {
        Path file = file(name);
        if (Files.size(file) > maximum) {
            throw bad(shown(name) + " is larger than " + maximum + " bytes", null);
        }
        return Files.readAllBytes(file);
    }

    private static String shown(String name) {
        return JsonReader.shown(name);
    }

    static SandboxException bad(String why, Exception cause) {
        return new SandboxException.BadImage("the archive cannot be used: " + why, HINT, cause);
    }
}
