package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/** An archive to be converted, entry by entry. */
final class LayerArchive {
    private static final Instant TIME = Instant.ofEpochSecond(1_000_000_000, 123_456_789);

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarWriter writer = new TarWriter(bytes);

    LayerArchive add(String name, Kind kind) {
        return add(name, kind, new byte[0], Map.of());
    }

    LayerArchive add(String name, Kind kind, byte[] content, Map<String, ByteString> xattrs) {
        TarEntry entry = new TarEntry(
                ByteString.of(name.getBytes(StandardCharsets.ISO_8859_1)),
                kind,
                kind instanceof Kind.Directory ? 0755 : 0644,
                1000,
                100,
                TIME,
                xattrs);
        return add(entry, content);
    }

    LayerArchive add(TarEntry entry, byte[] content) {
        try {
            writer.add(entry, new ByteArrayInputStream(content));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    LayerArchive file(String name, String content) {
        byte[] text = content.getBytes(StandardCharsets.UTF_8);
        return add(name, new Kind.File(text.length), text, Map.of());
    }

    LayerArchive directory(String name) {
        return add(name, new Kind.Directory());
    }

    LayerArchive link(String name, String target) {
        return add(name, new Kind.SymbolicLink(ByteString.of(target)));
    }

    LayerArchive hard(String name, String target) {
        return add(name, new Kind.HardLink(ByteString.of(target)));
    }

    byte[] bytes() {
        try {
            writer.finish();
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Converts it and reads what it has become. */
    Map<String, ErofsReader.Entry> converted() throws IOException {
        return convert(bytes());
    }

    static Map<String, ErofsReader.Entry> convert(byte[] archive) throws IOException {
        Path directory = Files.createTempDirectory("cay-erofs");
        Path file = directory.resolve("layer");
        try {
            LayerConverter.convert(new ByteArrayInputStream(archive), file, LayerLimits.STANDARD);
            return ErofsReader.read(file);
        } finally {
            Files.deleteIfExists(file);
            Files.delete(directory);
        }
    }
}
