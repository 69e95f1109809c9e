package dev.cay.engine.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import dev.cay.engine.archive.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What comes out of an EROFS file again is what went in. */
final class LayerExportTest {
    private static final Instant TIME = Instant.ofEpochSecond(1_700_000_000, 123_456_789);

    @TempDir
    private Path folder;

    private record Entry(TarEntry entry, byte[] content) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Entry(TarEntry of, byte[] bytes)
                    && entry.equals(of)
                    && Arrays.equals(content, bytes);
        }

        @Override
        public int hashCode() {
            return entry.hashCode();
        }

        @Override
        public String toString() {
            return entry + ", " + content.length + " bytes";
        }
    }

    private final Map<String, Entry> written = new LinkedHashMap<>();

    private void add(String name, Kind kind, byte[] content, int mode, Map<String, ByteString> xattrs) {
        TarEntry entry = new TarEntry(ByteString.of(name), kind, mode, 1000, 4_000_000_000L, TIME, xattrs);
        written.put(name, new Entry(entry, content));
    }

    private void file(String name, byte[] content) {
        add(name, new Kind.File(content.length), content, 0640, Map.of());
    }

    private void directory(String name) {
        add(name, new Kind.Directory(), new byte[0], 0755, Map.of());
    }

    private byte[] archive() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(out);
        for (Entry entry : written.values()) {
            tar.add(entry.entry(), new ByteArrayInputStream(entry.content()));
        }
        tar.finish();
        return out.toByteArray();
    }

    private Path convert(byte[] archive, String name) throws IOException {
        Path file = folder.resolve(name);
        LayerConverter.convert(new ByteArrayInputStream(archive), file, LayerLimits.STANDARD);
        return file;
    }

    private static byte[] back(Path file) throws IOException {
        return back(file, LayerExport.Form.ARCHIVE);
    }

    private static byte[] back(Path file, LayerExport.Form form) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        LayerExport.write(file, form, out);
        return out.toByteArray();
    }

    private static Map<String, Entry> read(byte[] archive) throws IOException {
        Map<String, Entry> entries = new TreeMap<>();
        TarReader reader = new TarReader(new ByteArrayInputStream(archive), TarLimits.STANDARD);
        for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
            String name = entry.get().name().toString();
            entries.put(name, new Entry(entry.get(), reader.content().readAllBytes()));
        }
        return entries;
    }

    private static byte[] content(Random random, int size) {
        byte[] content = new byte[size];
        int kind = random.nextInt(3);
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (kind == 0 ? random.nextInt() : kind == 1 ? i / 700 : "abcde".charAt(i % 5));
        }
        for (int i = random.nextInt(70_000); i < size; i += 1 + random.nextInt(200_000)) {
            content[i] = (byte) random.nextInt();
        }
        return content;
    }

    @Test
    void allKindsComeBack() throws IOException {
        directory("./");
        directory("a/");
        add("a/b/", new Kind.Directory(), new byte[0], 01777, Map.of("user.x", ByteString.of("y")));
        add(
                "a/capable",
                new Kind.File(3),
                new byte[] {1, 2, 3},
                04755,
                Map.of(
                        "security.capability",
                        ByteString.of(new byte[] {1, 0, 0, 2, 0, 4}),
                        "user.a=b%",
                        ByteString.EMPTY));
        add("a/first", new Kind.File(5), new byte[] {1, 2, 3, 4, 5}, 0600, Map.of());
        add("a/second", new Kind.HardLink(ByteString.of("a/first")), new byte[0], 0600, Map.of());
        add("link", new Kind.SymbolicLink(ByteString.of("../" + "x".repeat(3000))), new byte[0], 0777, Map.of());
        add("pipe", new Kind.Fifo(), new byte[0], 0600, Map.of());
        file("empty", new byte[0]);
        Map<String, Entry> expected = new TreeMap<>(written);

        assertThat(read(back(convert(archive(), "layer")))).isEqualTo(expected);
    }

    @Test
    void filesOfAnySizeComeBack() throws IOException {
        Random random = new Random(1);
        directory("./");
        for (int size : new int[] {1, 4095, 4096, 4097, 65535, 65536, 65537, 70_000, 131_072, 500_001, 3_000_000}) {
            for (int i = 0; i < 4; i++) {
                file("f" + size + "-" + i, content(random, size));
            }
        }
        Map<String, Entry> expected = new TreeMap<>(written);

        assertThat(read(back(convert(archive(), "layer")))).isEqualTo(expected);
    }

    @Test
    void largeDirectoriesAndRemovalsComeBack() throws IOException {
        directory("./");
        directory("many/");
        for (int i = 0; i < 3000; i++) {
            file("many/file with a name " + i, new byte[] {(byte) i});
        }
        directory("deep/");
        file("deep/.wh.gone", new byte[0]);
        directory("opaque/");
        file("opaque/.wh..wh..opq", new byte[0]);
        byte[] once = back(convert(archive(), "layer"));

        assertThat(read(once).keySet()).isEqualTo(new TreeMap<>(written).keySet());
        // What was made once is made again byte by byte.
        assertThat(back(convert(once, "again"))).isEqualTo(once);
    }

    /** What says that something is gone is ours alone: an attribute of the layer that an overlay would understand is left out. */
    @Test
    void asADirectoryItSaysWithDevicesAndAttributesWhatIsGone() throws IOException {
        directory("./");
        add("srv/", new Kind.Directory(), new byte[0], 0755, Map.of("user.overlay.opaque", ByteString.of("y")));
        file("srv/.wh.gone", new byte[0]);
        directory("opaque/");
        file("opaque/.wh..wh..opq", new byte[0]);
        Path layer = convert(archive(), "layer");

        Map<String, Entry> entries = read(back(layer, LayerExport.Form.DIRECTORY));
        assertThat(entries.keySet()).containsExactlyInAnyOrder("./", "srv/", "srv/gone", "opaque/");
        assertThat(entries.get("srv/").entry().xattrs()).isEmpty();
        assertThat(entries.get("srv/gone").entry().kind()).isEqualTo(new Kind.CharacterDevice(0, 0));
        assertThat(entries.get("opaque/").entry().xattrs())
                .containsExactly(Map.entry("user.overlay.opaque", ByteString.of("y")));
    }

    /** Nothing but an IOException, whatever has become of the file. */
    @Test
    void damagedFiles() throws IOException {
        Random random = new Random(7);
        directory("./");
        directory("d/");
        for (int i = 0; i < 30; i++) {
            file("d/f" + i, content(random, random.nextInt(20_000)));
        }
        byte[] whole = Files.readAllBytes(convert(archive(), "layer"));
        for (int i = 0; i < 200; i++) {
            byte[] damaged =
                    Arrays.copyOf(whole, random.nextInt(10) == 0 ? random.nextInt(whole.length) : whole.length);
            for (int n = random.nextInt(20); n > 0 && damaged.length > 0; n--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            Path file = Files.write(folder.resolve("damaged"), damaged);
            try {
                back(file);
            } catch (IOException e) {
                assertThat(e.getMessage()).isNotEmpty();
            }
        }
        assertThatThrownBy(() -> back(Files.write(folder.resolve("damaged"), new byte[100])))
                .isInstanceOf(IOException.class);
    }
}
