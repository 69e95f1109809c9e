package dev.cay.engine.erofs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException;
import dev.cay.engine.erofs.LayerException.Reason;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LayerConverterTest {
    @TempDir
    private Path directory;

    private Layer convert(byte[] archive, LayerLimits limits) throws IOException {
        Path file = directory.resolve("layer");
        Layer layer = LayerConverter.convert(new ByteArrayInputStream(archive), file, limits);
        Files.delete(file);
        return layer;
    }

    private void refused(LayerArchive archive, Reason reason) {
        refused(archive.bytes(), LayerLimits.STANDARD, reason);
    }

    private void refused(byte[] archive, LayerLimits limits, Reason reason) {
        assertThatThrownBy(() -> convert(archive, limits))
                .isInstanceOfSatisfying(
                        LayerException.class, e -> assertThat(e.reason()).isEqualTo(reason));
        assertThat(directory).isEmptyDirectory();
    }

    private static List<String> names(Map<String, ErofsReader.Entry> files) {
        return List.copyOf(files.keySet());
    }

    @Test
    void attributesAreKept() throws IOException {
        ErofsReader.Entry file = new LayerArchive()
                .add(
                        "a/\u00ff\u0001",
                        new Kind.File(2),
                        new byte[] {1, 2},
                        Map.of(
                                "security.capability", ByteString.of("c"),
                                "user.x", ByteString.EMPTY,
                                "system.posix_acl_access", ByteString.of("acl"),
                                "trusted.overlay.redirect", ByteString.of("/etc"),
                                "com.apple.quarantine", ByteString.of("no")))
                .converted()
                .get("a/\u00ff\u0001");

        assertThat(file.mode()).isEqualTo(0644);
        assertThat(file.uid()).isEqualTo(1000);
        assertThat(file.gid()).isEqualTo(100);
        assertThat(file.seconds()).isEqualTo(1_000_000_000);
        assertThat(file.nanos()).isEqualTo(123_456_789);
        assertThat(file.content()).containsExactly(1, 2);
        assertThat(file.xattrs())
                .isEqualTo(Map.of("security.capability", "c", "user.x", "", "system.posix_acl_access", "acl"));
    }

    @Test
    void contentsOfAllSizes() throws IOException {
        LayerArchive archive = new LayerArchive();
        List<byte[]> contents = new java.util.ArrayList<>();
        java.util.Random random = new java.util.Random(7);
        for (int size : new int[] {0, 1, 4031, 4032, 4033, 4096, 4097, 8192, 8193, 65535, 65536, 65537, 200_000}) {
            for (int kind = 0; kind < 3; kind++) {
                byte[] content = new byte[size];
                int noise = kind == 0 ? 0 : kind == 1 ? size : size / 2;
                for (int i = 0; i < noise; i++) {
                    content[i] = (byte) random.nextInt(256);
                }
                contents.add(content);
                archive.add("f" + contents.size(), new Kind.File(size), content, Map.of());
            }
        }
        Map<String, ErofsReader.Entry> files = archive.converted();

        for (int i = 0; i < contents.size(); i++) {
            assertThat(files.get("f" + (i + 1)).content()).isEqualTo(contents.get(i));
        }
    }

    @Test
    void largeDirectories() throws IOException {
        LayerArchive archive = new LayerArchive();
        for (int i = 0; i < 2000; i++) {
            archive.file("d/" + "n".repeat(1 + i % 250) + i, "").directory("e" + i);
        }
        Map<String, ErofsReader.Entry> files = archive.converted();

        assertThat(files).hasSize(2000 + 2000 + 2);
        assertThat(files.get("").links()).isEqualTo(2 + 2001);
    }

    @Test
    void aLaterEntryReplacesAnEarlierOne() throws IOException {
        Map<String, ErofsReader.Entry> files = new LayerArchive()
                .file("a", "1")
                .hard("b", "a")
                .file("a", "2")
                .file("d/x", "x")
                .directory("d")
                .file("e/x", "x")
                .file("e", "file")
                .link("l", "d")
                .directory("l")
                .file("l/y", "y")
                .hard("b", "b")
                .converted();

        assertThat(names(files)).containsExactly("", "a", "b", "d", "d/x", "e", "l", "l/y");
        assertThat(files.get("a").text()).isEqualTo("2");
        assertThat(files.get("b").text()).isEqualTo("1");
        assertThat(files.get("b").links()).isEqualTo(1);
        assertThat(files.get("d").uid()).isEqualTo(1000);
    }

    @Test
    void hardLinksAreNamesOfTheSame() throws IOException {
        Map<String, ErofsReader.Entry> files = new LayerArchive()
                .file("a", "1")
                .hard("d/b", "/a")
                .hard("c", "./d/b")
                .link("s", "a")
                .hard("t", "s")
                .converted();

        assertThat(files.get("a").links()).isEqualTo(3);
        assertThat(files.get("c").number()).isEqualTo(files.get("a").number());
        assertThat(files.get("t").type()).isEqualTo(Inodes.TYPE_SYMBOLIC_LINK);
        assertThat(files.get("s").links()).isEqualTo(2);
    }

    @Test
    void namesLeadThroughLinksWithinTheLayerOnly() throws IOException {
        Map<String, ErofsReader.Entry> files = new LayerArchive()
                .directory("usr/lib")
                .link("lib", "usr/lib")
                .file("lib/a", "a")
                .link("up", "../../../../usr")
                .file("up/b", "b")
                .link("round", "/up/lib/.")
                .file("round/c", "c")
                .converted();

        assertThat(names(files))
                .containsExactly("", "lib", "round", "up", "usr", "usr/b", "usr/lib", "usr/lib/a", "usr/lib/c");
        refused(new LayerArchive().link("etc", "/etc").file("etc/passwd", ""), Reason.BAD_PATH);
        refused(new LayerArchive().link("a", "b").link("b", "a").file("a/x", ""), Reason.BAD_PATH);
        refused(new LayerArchive().file("a", "").file("a/x", ""), Reason.NOT_A_DIRECTORY);
        refused(new LayerArchive().link("a", "/etc/passwd").hard("b", "a/x"), Reason.BAD_LINK);
        refused(new LayerArchive().hard("b", "etc/passwd"), Reason.BAD_LINK);
        refused(new LayerArchive().directory("a").hard("b", "a"), Reason.BAD_LINK);
        assertThatThrownBy(() -> convert(new LayerArchive().file("../a", "").bytes(), LayerLimits.STANDARD))
                .isInstanceOf(TarException.class);
        assertThatThrownBy(() -> convert(new LayerArchive().hard("a", "../a").bytes(), LayerLimits.STANDARD))
                .isInstanceOf(TarException.class);
    }

    @Test
    void namesThatDifferInCaseAreTwo() throws IOException {
        assertThat(names(new LayerArchive().link("A", "/").file("a/x", "").converted()))
                .containsExactly("", "A", "a", "a/x");
    }

    @Test
    void removalsAreForTheLayersBelow() throws IOException {
        Map<String, ErofsReader.Entry> files = new LayerArchive()
                .file(".wh.gone", "")
                .file("kept", "1")
                .file(".wh.kept", "")
                .file("d/x", "")
                .file(".wh.d", "")
                .file(".wh.e", "")
                .file("e/y", "")
                .file("o/.wh..wh..opq", "")
                .file("o/z", "")
                .file(".wh..wh.plnk", "")
                .file(".wh.gone2", "")
                .converted();

        assertThat(names(files)).containsExactly("", "d", "d/x", "e", "e/y", "gone", "gone2", "kept", "o", "o/z");
        assertThat(files.get("gone").type()).isEqualTo(Inodes.TYPE_CHARACTER_DEVICE);
        assertThat(files.get("gone").number()).isEqualTo(files.get("gone2").number());
        assertThat(files.get("gone").links()).isEqualTo(2);
        assertThat(files.get("kept").text()).isEqualTo("1");
        for (String opaque : List.of("d", "e", "o")) {
            assertThat(files.get(opaque).xattrs()).as(opaque).containsEntry("trusted.overlay.opaque", "y");
        }
        for (String bad : List.of(".wh.", ".wh..", ".wh...", ".wh.a/b")) {
            refused(new LayerArchive().file(bad, ""), Reason.BAD_WHITEOUT);
        }
        assertThat(convert(new LayerArchive().file(".wh..wh..opq", "").bytes(), LayerLimits.STANDARD)
                        .opaque())
                .isTrue();
    }

    @Test
    void devicesAreNeverMade() throws IOException {
        assertThat(names(new LayerArchive()
                        .file("sda", "")
                        .add("sda", new Kind.BlockDevice(8, 0))
                        .add("gone", new Kind.CharacterDevice(0, 0))
                        .add("fifo", new Kind.Fifo())
                        .converted()))
                .containsExactly("", "fifo");
    }

    @Test
    void whatIsCompressedGivesTheSame() throws Exception {
        byte[] plain = new LayerArchive()
                .file("a", "content ".repeat(20_000))
                .file("b", "")
                .bytes();
        byte[] trailing = Arrays.copyOf(plain, plain.length + 5000);
        String digest = "sha256:"
                + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(trailing));
        byte[] members = gzip(Arrays.copyOf(trailing, 700), Arrays.copyOfRange(trailing, 700, trailing.length));
        byte[] frames = concat(
                new byte[] {0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9},
                Zstd.compress(Arrays.copyOf(trailing, 700)),
                Zstd.compress(Arrays.copyOfRange(trailing, 700, trailing.length)));
        int number = 0;
        for (byte[] archive : List.of(trailing, members, frames)) {
            // as from a connection, which says one byte after the other and never what is there
            InputStream slow = new SequenceInputStream(Collections.enumeration(List.of(
                    new ByteArrayInputStream(archive, 0, 3), new ByteArrayInputStream(archive, 3, archive.length))));
            Path file = directory.resolve("layer" + number++);
            Layer layer = LayerConverter.convert(slow, file, LayerLimits.STANDARD);

            assertThat(layer).isEqualTo(new Layer(digest, trailing.length, 2, false));
            assertThat(slow.read()).as("all is read").isEqualTo(-1);
            assertThat(ErofsReader.read(file).get("a").content()).hasSize(160_000);
        }
    }

    @Test
    void damagedCompressionIsRefused() throws IOException {
        byte[] plain = new LayerArchive().file("a", "content ".repeat(2000)).bytes();
        byte[] gzip = gzip(plain);
        byte[] zstd = Zstd.compress(plain);
        refused(Arrays.copyOf(gzip, gzip.length - 5), LayerLimits.STANDARD, Reason.BAD_COMPRESSION);
        refused(Arrays.copyOf(gzip, 5), LayerLimits.STANDARD, Reason.BAD_COMPRESSION);
        refused(Arrays.copyOf(zstd, zstd.length - 5), LayerLimits.STANDARD, Reason.BAD_COMPRESSION);
        gzip[gzip.length - 6] ^= 1;
        refused(gzip, LayerLimits.STANDARD, Reason.BAD_COMPRESSION);
        refused("BZh91AY&SY".getBytes(StandardCharsets.US_ASCII), LayerLimits.STANDARD, Reason.UNSUPPORTED_COMPRESSION);
    }

    @Test
    void limitsHaveNames() throws IOException {
        byte[] archive = new LayerArchive()
                .file("a/b/c/d", "x".repeat(1000))
                .file("b", "")
                .bytes();
        refused(archive, new LayerLimits(9, 99, 4000, 9, 99_999), Reason.TOO_LARGE);
        refused(archive, new LayerLimits(9, 99, 99_999, 9, 600), Reason.TOO_MUCH_MEMORY);
        assertThatThrownBy(() -> convert(archive, new LayerLimits(1, 99, 99_999, 9, 99_999)))
                .isInstanceOfSatisfying(
                        TarException.class,
                        e -> assertThat(e.reason()).isEqualTo(TarException.Reason.TOO_MANY_ENTRIES));
        assertThatThrownBy(() -> convert(archive, new LayerLimits(9, 3, 99_999, 9, 99_999)))
                .isInstanceOfSatisfying(
                        TarException.class, e -> assertThat(e.reason()).isEqualTo(TarException.Reason.NAME_TOO_LONG));
        assertThat(convert(archive, new LayerLimits(2, 7, archive.length, 1, 2000))
                        .entries())
                .isEqualTo(2);
        String deep = "d/".repeat(512);
        refused(new LayerArchive().link("l", deep).directory(deep).directory("l/x"), Reason.TOO_DEEP);
        refused(
                new LayerArchive()
                        .add("a", new Kind.File(0), new byte[0], Map.of("user.x", ByteString.of(new byte[70_000]))),
                Reason.XATTRS_TOO_LARGE);
    }

    @Test
    void bombsAreStopped() throws IOException {
        byte[] megabyte = new byte[1 << 20];
        ByteArrayOutputStream bomb = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bomb)) {
            byte[] header = tarHeader(megabyte.length * 400L);
            gzip.write(header);
            for (int i = 0; i < 300; i++) {
                gzip.write(megabyte);
            }
        }
        refused(bomb.toByteArray(), LayerLimits.STANDARD, Reason.EXPANDS_TOO_MUCH);
    }

    /** RFC 8878: a frame whose blocks are one byte each, that is repeated 128 Ki times. */
    @Test
    void fourBytesAreNot128Kibibytes() throws IOException {
        ByteArrayOutputStream bomb = new ByteArrayOutputStream();
        bomb.write(new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 0, 0x38});
        bomb.write(new byte[] {0, 16, 0}); // a block of 512 bytes as they are
        bomb.write(tarHeader(1L << 30));
        for (int i = 0; i < 1L << 13; i++) {
            bomb.write(new byte[] {2, 0, 16, 0});
        }
        refused(bomb.toByteArray(), LayerLimits.STANDARD, Reason.EXPANDS_TOO_MUCH);
    }

    /** One that wants a terabyte of memory to look back into. */
    @Test
    void aWindowHasALimit() throws IOException {
        byte[] frame = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 0, (byte) 0xF0, 1, 0, 0};
        refused(frame, LayerLimits.STANDARD, Reason.BAD_COMPRESSION);
    }

    /** Of a file of so many bytes, without them. */
    private static byte[] tarHeader(long size) {
        byte[] header = new LayerArchive()
                .add(new TarEntry(ByteString.of("a"), new Kind.File(0), 0, 0, 0, Instant.EPOCH, Map.of()), new byte[0])
                .bytes();
        ByteBuffer.wrap(header).put(124, String.format("%011o\0", size).getBytes(StandardCharsets.US_ASCII));
        Arrays.fill(header, 148, 156, (byte) ' ');
        int sum = 0;
        for (int i = 0; i < 512; i++) {
            sum += header[i] & 0xFF;
        }
        ByteBuffer.wrap(header).put(148, String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII));
        return Arrays.copyOf(header, 512);
    }

    private static byte[] gzip(byte[]... members) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (byte[] member : members) {
            try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
                gzip.write(member);
            }
        }
        return bytes.toByteArray();
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            bytes.writeBytes(part);
        }
        return bytes.toByteArray();
    }
}
