package dev.cay.engine.archive;

import static dev.cay.engine.archive.Archives.END;
import static dev.cay.engine.archive.Archives.extension;
import static dev.cay.engine.archive.Archives.header;
import static dev.cay.engine.archive.Archives.join;
import static dev.cay.engine.archive.Archives.record;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.archive.Archives.Item;
import dev.cay.engine.archive.HeaderBlock.Field;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException.Reason;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class TarReaderTest {
    private static final TarLimits SMALL = new TarLimits(2, 150, 200, 20, 1000);
    private static final byte[] EMPTY_FILE = header('0', "f", 0);

    @Test
    void anArchiveMayEndWhereAHeaderCouldBegin() throws IOException {
        byte[] archive = Archives.write(List.of(Archives.file("a", "1"), Archives.file("b", "")));

        for (int length = 0; length <= archive.length; length++) {
            byte[] start = Arrays.copyOf(archive, length);
            // a header, a block of content, another header, two blocks of zeros
            if (length % 512 == 0 && length != 512) {
                assertThat(Archives.read(start)).hasSize(Math.min(length / 1024 + (length >= 1536 ? 1 : 0), 2));
            } else {
                assertRefused(start, Reason.TRUNCATED);
            }
        }
    }

    @Test
    void whatFollowsTheEndDoesNotMatter() throws IOException {
        assertThat(Archives.read(join(EMPTY_FILE, END, new byte[] {1, 2, 3}, EMPTY_FILE)))
                .hasSize(1);
    }

    @Test
    void nothingComesAfterTheEnd() throws IOException {
        TarReader reader = new TarReader(new ByteArrayInputStream(join(END, EMPTY_FILE)), SMALL);

        assertThat(reader.next()).isEmpty();
        assertThat(reader.next()).isEmpty();
        assertThat(reader.content().read()).isEqualTo(-1);
    }

    @Test
    void aSingleBlockOfZerosHidesNothing() {
        assertRefused(join(EMPTY_FILE, new byte[512], EMPTY_FILE, END), Reason.BAD_HEADER);
    }

    @Test
    void contentThatIsNotReadIsPassedOver() throws IOException {
        byte[] archive = Archives.write(List.of(Archives.file("a", "x".repeat(700)), Archives.file("b", "yes")));
        TarReader reader = new TarReader(new ByteArrayInputStream(archive), TarLimits.STANDARD);

        reader.next();
        InputStream first = reader.content();
        assertThat(first.read()).isEqualTo('x');
        reader.next();

        assertThatThrownBy(first::read).isInstanceOf(IllegalStateException.class);
        assertThat(reader.content().readAllBytes()).asString().isEqualTo("yes");
        assertThat(reader.content().read()).isEqualTo(-1);
    }

    @Test
    void contentIsHandedOnWhole() throws IOException {
        byte[] large = new byte[300_000];
        new Random(7).nextBytes(large);
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        TarWriter writer = new TarWriter(archive);
        writer.add(
                Archives.entry(ByteString.of("large"), new Kind.File(large.length)), new ByteArrayInputStream(large));
        writer.add(Archives.entry(ByteString.of("next"), new Kind.Fifo()));
        writer.finish();
        ByteArrayOutputStream content = new ByteArrayOutputStream();

        TarReader reader = new TarReader(new ByteArrayInputStream(archive.toByteArray()), TarLimits.STANDARD);
        reader.next();
        assertThat(reader.content().readNBytes(5)).isEqualTo(Arrays.copyOf(large, 5));
        assertThat(reader.content().transferTo(content)).isEqualTo(large.length - 5);

        assertThat(content.toByteArray()).isEqualTo(Arrays.copyOfRange(large, 5, large.length));
        assertThat(reader.next().orElseThrow().name()).isEqualTo(ByteString.of("next"));
    }

    @Test
    void truncatedContentIsNeverAShortFile() throws IOException {
        byte[] archive = join(header('0', "f", 600), new byte[512]);
        TarReader reader = new TarReader(new ByteArrayInputStream(archive), TarLimits.STANDARD);
        reader.next();

        assertThatThrownBy(() -> reader.content().readAllBytes())
                .isInstanceOf(TarException.class)
                .hasMessage("tar entry 1: the archive ends within it");
        assertThatThrownBy(() -> reader.content().transferTo(new ByteArrayOutputStream()))
                .isInstanceOf(TarException.class);
        assertThatThrownBy(reader::next).isInstanceOf(TarException.class);
    }

    @Test
    void damagedHeadersAreRefused() {
        byte[] damaged = EMPTY_FILE.clone();
        damaged[5] ^= 1;

        assertRefused(damaged, Reason.BAD_CHECKSUM);
        assertRefused(new byte[] {1, 2, 3}, Reason.TRUNCATED);
        assertRefused("no archive at all ".repeat(30).getBytes(StandardCharsets.US_ASCII), Reason.BAD_CHECKSUM);
    }

    @Test
    void checksumsMayBeOfSignedBytes() throws IOException {
        byte[] block = header('0', "\u00e9", 0);
        // Two bytes above 127, each counted 256 less.
        int signed = Integer.parseInt(new String(block, 148, 7, StandardCharsets.US_ASCII), 8) - 512;
        System.arraycopy(String.format("%06o\0 ", signed).getBytes(StandardCharsets.US_ASCII), 0, block, 148, 8);

        assertThat(Archives.read(block)).hasSize(1);
    }

    @Test
    void starHasAShorterPrefix() throws IOException {
        byte[] block = header('0', "name", 0, header -> {
            header.put(Field.PREFIX, ByteString.of("p".repeat(131) + "00000000000 00000000000 "));
            ByteString.of("tar").copyTo(header.bytes(), 508);
        });

        assertThat(only(block).name()).isEqualTo(ByteString.of("p".repeat(131) + "/name"));
    }

    @Test
    void anOldDirectoryIsAFileWithASlash() throws IOException {
        assertThat(only(header('\0', "d/", 1234)).kind()).isEqualTo(new Kind.Directory());
        assertThat(only(header('\0', "d", 0)).kind()).isEqualTo(new Kind.File(0));
        assertThat(only(header('0', "d/", 0)).kind()).isEqualTo(new Kind.File(0));
        assertThat(only(header('7', "d", 0)).kind()).isEqualTo(new Kind.File(0));
    }

    @Test
    void onlyFilesHaveContent() throws IOException {
        byte[] link = header('1', "l", 5000, block -> block.put(Field.LINK, ByteString.of("f")));

        assertThat(Archives.read(join(header('5', "d", 5000), link, EMPTY_FILE)))
                .hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(chars = {'D', 'M', 'V', 'N', 'X', '8', 'z'})
    void otherTypesAreRefused(char type) {
        assertRefused(header(type, "f", 0), Reason.UNSUPPORTED_TYPE);
    }

    @Test
    void aLinkNeedsATarget() {
        assertRefused(header('1', "f", 0), Reason.BAD_HEADER);
        assertRefused(header('2', "f", 0), Reason.BAD_HEADER);
    }

    @ParameterizedTest
    @CsvSource({"800000000000000000000200, 512", "80000000000000000000ff01, 65281", "000000000000000000000000, 0"})
    void sizesInBase256(String hex, long size) throws IOException {
        byte[] block = withField(Field.SIZE, 124, hex);

        TarReader reader = new TarReader(new ByteArrayInputStream(block), TarLimits.STANDARD);
        assertThat(reader.next().orElseThrow().size()).isEqualTo(size);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ffffffffffffffffffffffff",
                "8000000080000000000000ff",
                "bfffffffffffffffffffffff",
                "ff0000000000000000000000",
                "313233343536373839303132",
                "2d3100000000000000000000",
                "310a00000000000000000000"
            })
    void impossibleSizes(String hex) {
        assertRefused(withField(Field.SIZE, 124, hex), Reason.BAD_NUMBER);
    }

    @Test
    void timesMayBeNegativeInBase256() throws IOException {
        assertThat(only(withField(Field.MTIME, 136, "fffffffffffffffffffffffe")).modified())
                .isEqualTo(Instant.ofEpochSecond(-2));
        assertRefused(withField(Field.MTIME, 136, "800000007fffffffffffffff"), Reason.BAD_NUMBER);
    }

    @Test
    void devicesAreThoseOfLinux() {
        assertRefused(header('3', "d", 0, block -> block.put(Field.MAJOR, 4096)), Reason.BAD_NUMBER);
        assertRefused(header('4', "d", 0, block -> block.put(Field.MINOR, 1 << 20)), Reason.BAD_NUMBER);
    }

    @Test
    void globalTimesAndOwnersHoldUntilTakenAway() throws IOException {
        byte[] global = extension('g', record("uid", "7") + record("mtime", "1.5") + record("comment", "c"));
        List<Item> items = Archives.read(join(
                EMPTY_FILE,
                global,
                EMPTY_FILE,
                extension('x', record("uid", "8") + record("mtime", "")),
                EMPTY_FILE,
                EMPTY_FILE));

        assertThat(items).extracting(item -> item.entry().uid()).containsExactly(0L, 7L, 8L, 7L);
        assertThat(items)
                .extracting(item -> item.entry().modified().toEpochMilli())
                .containsExactly(0L, 1500L, 0L, 1500L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"path", "linkpath", "size"})
    void globalNamesAndSizesAreRefused(String keyword) {
        assertRefused(join(extension('g', record(keyword, "1")), EMPTY_FILE), Reason.BAD_PAX);
    }

    @Test
    void theLastRecordOfAHeaderCounts() throws IOException {
        assertThat(only(join(extension('x', record("path", "a") + record("path", "b")), EMPTY_FILE))
                        .name())
                .isEqualTo(ByteString.of("b"));
    }

    @Test
    void twoHeadersThatSayTheSameAreRefused() {
        byte[] path = extension('x', record("path", "a"));
        byte[] longName = extension('L', "b\0");

        assertRefused(join(path, path, EMPTY_FILE), Reason.BAD_PAX);
        assertRefused(join(longName, longName, EMPTY_FILE), Reason.BAD_PAX);
        assertRefused(join(path, longName, EMPTY_FILE), Reason.BAD_PAX);
        assertRefused(join(longName, path, EMPTY_FILE), Reason.BAD_PAX);
    }

    @Test
    void aLongNameAndOtherRecordsGoTogether() throws IOException {
        TarEntry entry = only(join(extension('L', "name\0"), extension('x', record("uid", "9")), EMPTY_FILE));

        assertThat(entry.name()).isEqualTo(ByteString.of("name"));
        assertThat(entry.uid()).isEqualTo(9);
    }

    @Test
    void aHeaderThatExtendsNothingIsTruncated() {
        assertRefused(extension('x', record("path", "a")), Reason.TRUNCATED);
        assertRefused(join(extension('L', "a"), END), Reason.TRUNCATED);
        assertRefused(extension('x', ""), Reason.TRUNCATED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "x",
                "0 a=b\n",
                "6 a=b",
                "7 a=b\n",
                "5 a=b\n",
                "6 a=bX",
                "5 ab\n",
                "06",
                "6a=b\n\n",
                "99999999999 a=b\n",
                "-6 a=b\n",
                "4 =\n",
                "5 =b\n",
                "2 ",
                "1",
                "3 \n",
                "6 a=b\n\0"
            })
    void malformedRecords(String records) {
        assertRefused(join(extension('x', records), EMPTY_FILE), Reason.BAD_PAX);
    }

    @ParameterizedTest
    @CsvSource({
        "size, 1x",
        "size, -1",
        "uid, 9223372036854775808",
        "gid, 1.5",
        "mtime, x",
        "mtime, -",
        "mtime, .5",
        "mtime, 1.x",
        "mtime, 1.0000000000x",
        "mtime, 1.5.5",
        "mtime, 31556889864403200",
        "mtime, --1"
    })
    void impossibleRecords(String keyword, String value) {
        assertRefused(join(extension('x', record(keyword, value)), EMPTY_FILE), Reason.BAD_NUMBER);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SCHILY.xattr.",
                "SCHILY.xattr.\u00ff",
                "SCHILY.xattr.a\0",
                "LIBARCHIVE.xattr.a%4",
                "LIBARCHIVE.xattr.%zz",
                "LIBARCHIVE.xattr.%ff"
            })
    void attributesWithoutAName(String keyword) {
        assertRefused(join(extension('x', record(keyword, "QUJD")), EMPTY_FILE), Reason.BAD_PAX);
    }

    @Test
    void namesDoNotContainNul() throws IOException {
        assertRefused(join(extension('x', record("path", "a\0b")), EMPTY_FILE), Reason.BAD_PAX);
        assertThat(only(join(extension('L', "a\0b"), EMPTY_FILE)).name()).isEqualTo(ByteString.of("a"));
    }

    @Test
    void attributesOfLibarchive() throws IOException {
        byte[] records = extension(
                'x',
                record("LIBARCHIVE.xattr.user.a%3Db", "AP8K")
                        + record("SCHILY.xattr.user.c", "right")
                        + record("LIBARCHIVE.xattr.user.c", "QUJD"));

        assertThat(only(join(records, EMPTY_FILE)).xattrs())
                .isEqualTo(Map.of(
                        "user.a=b",
                        ByteString.of(new byte[] {0, (byte) 0xFF, '\n'}),
                        "user.c",
                        ByteString.of("right")));
        assertRefused(
                join(extension('x', record("LIBARCHIVE.xattr.a", "A*")), EMPTY_FILE),
                TarLimits.STANDARD,
                Reason.BAD_PAX);
    }

    @Test
    void extendingHeadersMayBeLarge() throws IOException {
        Map<String, ByteString> xattrs = Map.of("user.large", ByteString.of("v".repeat(1_000_000)));
        TarEntry entry =
                new TarEntry(ByteString.of("n\u00e9".repeat(1365)), new Kind.Fifo(), 0, 0, 0, Instant.EPOCH, xattrs);

        assertThat(Archives.read(Archives.write(List.of(new Item(entry, ByteString.EMPTY)))))
                .containsExactly(new Item(entry, ByteString.EMPTY));

        TarLimits limits = new TarLimits(9, 20_000, 20_000, 0, 0);
        byte[] comment = ("10011 comment=" + "c".repeat(9996) + "\n").getBytes(StandardCharsets.US_ASCII);
        byte[] global = join(header('g', "", comment.length), Arrays.copyOf(comment, 10_240));
        byte[] name = extension('L', "n".repeat(20_000));
        assertThat(Archives.read(join(global, name, EMPTY_FILE), limits))
                .singleElement()
                .satisfies(item -> assertThat(item.entry().name().length()).isEqualTo(20_000));
    }

    @Test
    void limits() throws IOException {
        byte[] global = extension('g', record("comment", "c"));
        assertThat(Archives.read(join(EMPTY_FILE, EMPTY_FILE, END), SMALL)).hasSize(2);
        assertRefused(join(EMPTY_FILE, EMPTY_FILE, EMPTY_FILE), SMALL, Reason.TOO_MANY_ENTRIES);
        assertRefused(join(global, global, global), SMALL, Reason.TOO_MANY_ENTRIES);

        assertThat(Archives.read(join(extension('L', "a".repeat(150) + "\0"), EMPTY_FILE), SMALL))
                .hasSize(1);
        assertRefused(join(extension('L', "a".repeat(151)), EMPTY_FILE), SMALL, Reason.NAME_TOO_LONG);
        assertRefused(header('L', "", 1L << 32), SMALL, Reason.NAME_TOO_LONG);
        byte[] prefixed = header('0', "name", 0, block -> block.put(Field.PREFIX, ByteString.of("p".repeat(155))));
        assertRefused(prefixed, SMALL, Reason.NAME_TOO_LONG);

        assertRefused(header('x', "", 201), SMALL, Reason.PAX_TOO_LARGE);
        assertRefused(header('g', "", 1L << 32), SMALL, Reason.PAX_TOO_LARGE);
        String attribute = record("SCHILY.xattr.a", "1234567890");
        assertThat(Archives.read(join(extension('x', attribute), EMPTY_FILE), SMALL))
                .hasSize(1);
        assertRefused(join(extension('x', attribute + attribute), EMPTY_FILE), SMALL, Reason.XATTRS_TOO_LARGE);

        byte[] content = join(header('0', "f", 500), new byte[512]);
        assertThat(Archives.read(join(content, content), SMALL)).hasSize(2);
        assertRefused(join(content, header('0', "f", 501)), SMALL, Reason.CONTENT_TOO_LARGE);
        assertRefused(
                join(extension('x', record("size", "9223372036854775807")), EMPTY_FILE),
                SMALL,
                Reason.CONTENT_TOO_LARGE);
    }

    @Test
    void messagesTellTheEntryAndCannotMoveTheCursor() {
        assertThatThrownBy(() -> Archives.read(join(EMPTY_FILE, header('V', "a\u001b[2J\u00e9", 0))))
                .hasMessage("tar entry 2: 'a\\x1b[2J\\xc3\\xa9' is of a type not known, 0x56");
    }

    private static byte[] withField(Field field, int offset, String hex) {
        byte[] value = HexFormat.of().parseHex(hex);
        assertThat(value).hasSize(field.length());
        return header('0', "f", 0, block -> System.arraycopy(value, 0, block.bytes(), offset, value.length));
    }

    private static TarEntry only(byte[] archive) throws IOException {
        List<Item> items = Archives.read(archive);
        assertThat(items).hasSize(1);
        return items.getFirst().entry();
    }

    private static void assertRefused(byte[] archive, Reason reason) {
        assertRefused(archive, TarLimits.STANDARD, reason);
    }

    private static void assertRefused(byte[] archive, TarLimits limits, Reason reason) {
        assertThatThrownBy(() -> Archives.read(archive, limits))
                .isInstanceOfSatisfying(
                        TarException.class, e -> assertThat(e.reason()).isEqualTo(reason));
    }
}
