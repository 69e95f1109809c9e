package dev.cay.engine.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import dev.cay.engine.archive.Archives.Item;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException.Reason;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TarWriterTest {
    private static final TarEntry FIVE = Archives.entry(ByteString.of("five"), new Kind.File(5));

    @TempDir
    private Path directory;

    @Test
    void whatIsWrittenIsRead() {
        Seeded.run(random -> {
            for (int i = 0; i < 300; i++) {
                List<Item> items = Archives.random(random, random.nextInt(12));

                assertThat(Archives.read(Archives.write(items))).isEqualTo(items);
            }
        });
    }

    @Test
    void tarListsTheSame() {
        Seeded.run(random -> {
            List<Item> items = Archives.random(random, 150).stream()
                    .filter(item -> comparable(item.entry()))
                    .toList();
            Path archive = directory.resolve("archive.tar");
            Files.write(archive, Archives.write(items));

            assertThat(tar("--quoting-style=escape", "--show-transformed-names", "-tPf", archive.toString()))
                    .isEqualTo(lines(items, TarWriterTest::escaped));
            assertThat(columns(tar("--numeric-owner", "--quoting-style=escape", "-tvPf", archive.toString())))
                    .isEqualTo(lines(items, TarWriterTest::columns));
        });
    }

    @Test
    void tarReadsTheSameContent() {
        Seeded.run(random -> {
            List<Item> items = Archives.random(random, 100).stream()
                    .filter(item -> item.entry().kind() instanceof Kind.File && comparable(item.entry()))
                    .toList();
            Path archive = directory.resolve("archive.tar");
            Files.write(archive, Archives.write(items));

            String content = items.stream()
                    .map(item -> new String(item.content().toBytes(), StandardCharsets.ISO_8859_1))
                    .collect(Collectors.joining());
            assertThat(tar("-xOPf", archive.toString())).isEqualTo(content);
        });
    }

    @Test
    void plainEntriesNeedNoExtendedHeader() throws IOException {
        String name = "d/".repeat(75) + "n".repeat(100);

        byte[] archive = Archives.write(List.of(Archives.file(name, "")));

        assertThat(archive).hasSize(512 + 1024);
        assertThat(Archives.read(archive).getFirst().entry().name()).isEqualTo(ByteString.of(name));
    }

    @Test
    void namesThatAreNotUtf8AreDeclared() throws IOException {
        TarEntry entry = Archives.entry(ByteString.of(new byte[] {(byte) 0xFF}), new Kind.Fifo());

        byte[] archive = Archives.write(List.of(new Item(entry, ByteString.EMPTY)));

        assertThat(new String(archive, StandardCharsets.ISO_8859_1))
                .contains("21 hdrcharset=BINARY\n", "9 path=\u00ff\n");
    }

    @Test
    void recordsCountTheirOwnDigits() throws IOException {
        for (int length = 80; length < 120; length++) {
            String name = "\u00e9" + "x".repeat(length);

            assertThat(Archives.read(Archives.write(List.of(Archives.file(name, "")))))
                    .extracting(item -> item.entry().name())
                    .containsExactly(ByteString.of(name));
        }
    }

    @Test
    void moreThanEightGibibytes() throws IOException {
        for (long size : new long[] {(1L << 33) - 1, 1L << 33, 1L << 50}) {
            ByteArrayOutputStream archive = new ByteArrayOutputStream();
            TarEntry entry = Archives.entry(ByteString.of("large"), new Kind.File(size));

            assertThatThrownBy(() -> new TarWriter(archive).add(entry, new ByteArrayInputStream(new byte[200_000])))
                    .isInstanceOf(TarException.class);

            TarLimits limits = new TarLimits(1, 100, 100, 0, size);
            TarReader reader = new TarReader(new ByteArrayInputStream(archive.toByteArray()), limits);
            assertThat(reader.next()).contains(entry);
        }
    }

    @Test
    void contentIsReadAsFarAsAnnounced() throws IOException {
        InputStream content = new ByteArrayInputStream("12345678".getBytes(StandardCharsets.US_ASCII));
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        TarWriter writer = new TarWriter(archive);

        writer.add(FIVE, content);
        writer.add(Archives.entry(ByteString.of("none"), new Kind.Directory()), content);
        writer.finish();

        assertThat(content.readAllBytes()).asString().isEqualTo("678");
        assertThat(Archives.read(archive.toByteArray()).getFirst().content()).isEqualTo(ByteString.of("12345"));
    }

    @Test
    void shortContentSpoilsTheArchive() {
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        TarWriter writer = new TarWriter(archive);

        assertThatThrownBy(() -> writer.add(FIVE, new ByteArrayInputStream(new byte[4])))
                .isInstanceOfSatisfying(
                        TarException.class, e -> assertThat(e.reason()).isEqualTo(Reason.TRUNCATED))
                .hasMessage("tar entry 1: its content ends 1 bytes before the 5 announced");

        assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> writer.add(FIVE)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void nothingIsAddedAfterTheEnd() throws IOException {
        TarWriter writer = new TarWriter(new ByteArrayOutputStream());
        writer.finish();

        assertThatThrownBy(() -> writer.add(FIVE)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void entriesAreChecked() {
        ByteString name = ByteString.of("n");
        Kind fifo = new Kind.Fifo();
        assertThatThrownBy(() -> Archives.entry(ByteString.of("a\0"), fifo)).hasMessage("name contains NUL");
        assertThatThrownBy(() -> new TarEntry(name, fifo, 010000, 0, 0, Instant.EPOCH, Map.of()))
                .hasMessage("mode has more than 12 bits");
        assertThatThrownBy(() -> new TarEntry(name, fifo, 0, -1, 0, Instant.EPOCH, Map.of()))
                .hasMessage("uid is negative");
        assertThatThrownBy(() -> new TarEntry(name, fifo, 0, 0, 0, Instant.EPOCH, Map.of("", name)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Kind.SymbolicLink(ByteString.EMPTY)).hasMessage("target is empty");
        assertThatThrownBy(() -> new Kind.BlockDevice(4096, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    /** GNU tar takes ids and times as Linux has them, and a file with a slash at its end as a directory. */
    private static boolean comparable(TarEntry entry) {
        return entry.uid() < 1L << 31 && entry.gid() < 1L << 31 && !entry.name().endsWith('/');
    }

    private static String lines(List<Item> items, Function<TarEntry, String> line) {
        return items.stream().map(item -> line.apply(item.entry()) + "\n").collect(Collectors.joining());
    }

    private static String escaped(TarEntry entry) {
        StringBuilder text = new StringBuilder();
        for (byte b : entry.name().toBytes()) {
            text.append(
                    switch (b) {
                        case 7 -> "\\a";
                        case '\b' -> "\\b";
                        case '\t' -> "\\t";
                        case '\n' -> "\\n";
                        case 11 -> "\\v";
                        case '\f' -> "\\f";
                        case '\r' -> "\\r";
                        case '\\' -> "\\\\";
                        default -> b >= ' ' && b <= '~' ? String.valueOf((char) b) : String.format("\\%03o", b & 0xFF);
                    });
        }
        return text.toString();
    }

    /** Permissions, owner and size or device, as "ls -l" has them. */
    private static String columns(TarEntry entry) {
        String type = switch (entry.kind()) {
            case Kind.File _ -> "-";
            case Kind.HardLink _ -> "h";
            case Kind.SymbolicLink _ -> "l";
            case Kind.Directory _ -> "d";
            case Kind.CharacterDevice _ -> "c";
            case Kind.BlockDevice _ -> "b";
            case Kind.Fifo _ -> "p";
        };
        String size = switch (entry.kind()) {
            case Kind.CharacterDevice(int major, int minor) -> major + "," + minor;
            case Kind.BlockDevice(int major, int minor) -> major + "," + minor;
            default -> Long.toString(entry.size());
        };
        return type + permissions(entry.mode()) + " " + entry.uid() + "/" + entry.gid() + " " + size;
    }

    private static String permissions(int mode) {
        StringBuilder text = new StringBuilder();
        for (int bit = 8; bit >= 0; bit--) {
            text.append((mode >> bit & 1) != 0 ? "rwx".charAt((8 - bit) % 3) : '-');
        }
        String special = "sst";
        for (int i = 0; i < 3; i++) {
            if ((mode >> 11 - i & 1) != 0) {
                int at = 2 + 3 * i;
                char letter = special.charAt(i);
                text.setCharAt(at, text.charAt(at) == 'x' ? letter : Character.toUpperCase(letter));
            }
        }
        return text.toString();
    }

    private static String columns(String listing) {
        return listing.lines()
                .map(line -> {
                    String[] words = line.split(" +");
                    return words[0] + " " + words[1] + " " + words[2] + "\n";
                })
                .collect(Collectors.joining());
    }

    private String tar(String... arguments) throws Exception {
        Path errors = directory.resolve("errors");
        ProcessBuilder builder =
                new ProcessBuilder(Stream.concat(Stream.of("/usr/bin/tar"), List.of(arguments).stream())
                        .toList());
        builder.environment().put("LC_ALL", "C");
        builder.environment().put("TZ", "UTC");
        Process process = builder.redirectError(errors.toFile()).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        assertThat(process.waitFor()).as(() -> read(errors)).isZero();
        return output;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
