package dev.cay.engine.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.archive.Archives.Item;
import dev.cay.engine.archive.TarEntry.Kind;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives that others have made: see the README beside them. */
final class FixturesTest {
    private static final Instant TIME = Instant.parse("2020-01-02T03:04:05Z");
    private static final String LONG = "n".repeat(120);
    private static final String HALF = "h".repeat(60);
    private static final byte[] STRANGE = {'t', 'r', 'e', 'e', '/', 'n', 'e', 'w', '\n', 'l', 'i', 'n', 'e', (byte) 0xFF
    };
    private static final Map<String, ByteString> XATTRS = Map.of(
            "user.first", ByteString.of(new byte[] {0, (byte) 0xFF, '=', '\n'}),
            "user.a=b%c", ByteString.of("2"),
            "user.empty", ByteString.EMPTY);

    @Test
    void v7() throws IOException {
        assertThat(Archives.read(Archives.fixture("v7.tar")))
                .containsExactly(
                        directory("tree/directory/", 01777), sevenHundred(TIME), file(Map.of()), hard(), soft());
    }

    @Test
    void ustar() throws IOException {
        List<Item> expected = new ArrayList<>(List.of(
                directory("tree/", 0755),
                directory("tree/directory/", 01777),
                sevenHundred(TIME),
                item("tree/fifo", new Kind.Fifo(), 0644),
                file(Map.of()),
                hard(),
                directory("tree/" + HALF + "/", 0755),
                item("tree/" + HALF + "/" + HALF, 0644, 0, 0, "half")));
        expected.addAll(tail(List.of()));

        assertThat(Archives.read(Archives.fixture("ustar.tar"))).containsExactlyElementsOf(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gnu.tar", "oldgnu.tar"})
    void gnu(String name) throws IOException {
        assertThat(Archives.read(Archives.fixture(name)))
                .containsExactlyElementsOf(whole(Instant.parse("1969-12-31T23:59:58Z"), Map.of()));
    }

    @Test
    void pax() throws IOException {
        assertThat(Archives.read(Archives.fixture("pax.tar")))
                .containsExactlyElementsOf(whole(Instant.parse("1969-12-31T23:59:58.5Z"), XATTRS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sparse-gnu.tar", "sparse-pax-0.0.tar", "sparse-pax-0.1.tar", "sparse-pax-1.0.tar"})
    void sparseFilesAreRefused(String name) {
        assertThatThrownBy(() -> Archives.read(Archives.fixture(name)))
                .isInstanceOfSatisfying(
                        TarException.class,
                        e -> assertThat(e.reason()).isEqualTo(TarException.Reason.UNSUPPORTED_SPARSE))
                .hasMessageStartingWith("tar entry 2: ");
    }

    @Test
    void python() throws IOException {
        assertThat(Archives.read(Archives.fixture("python.tar")))
                .containsExactly(
                        python("d\u00e9/" + "x".repeat(200), 5_000_000, Instant.ofEpochMilli(1250), Map.of(), "accent"),
                        python("new\nline", 0, Instant.EPOCH, Map.of(), ""),
                        new Item(
                                new TarEntry(
                                        ByteString.of("link"),
                                        new Kind.SymbolicLink(ByteString.of("\u00fc".repeat(80))),
                                        0640,
                                        0,
                                        0,
                                        Instant.ofEpochSecond(100_000_000_000L),
                                        Map.of()),
                                ByteString.EMPTY),
                        new Item(
                                new TarEntry(
                                        ByteString.of("dir/"),
                                        new Kind.Directory(),
                                        0640,
                                        0,
                                        0,
                                        Instant.EPOCH,
                                        Map.of()),
                                ByteString.EMPTY),
                        python(
                                "x",
                                0,
                                Instant.EPOCH,
                                Map.of(
                                        "user.k", ByteString.of("v"),
                                        "user.b=c ", ByteString.of(new byte[] {0, (byte) 0xFF, '\n'})),
                                "attribute"));
    }

    private static List<Item> whole(Instant before1970, Map<String, ByteString> xattrs) {
        List<Item> items = new ArrayList<>(List.of(
                directory("tree/", 0755),
                directory("tree/directory/", 01777),
                sevenHundred(before1970),
                item("tree/fifo", new Kind.Fifo(), 0644),
                file(xattrs),
                hard(),
                item("tree/long-hard", 0644, 3_000_000, 4_000_000, "deep"),
                item("tree/long-link", new Kind.SymbolicLink(ByteString.of(LONG + "/" + LONG)), 0777)));
        Kind hardLink = new Kind.HardLink(ByteString.of("tree/long-hard"));
        items.addAll(tail(List.of(
                directory("tree/" + LONG + "/", 0755),
                new Item(
                        new TarEntry(
                                ByteString.of("tree/" + LONG + "/" + LONG),
                                hardLink,
                                0644,
                                3_000_000,
                                4_000_000,
                                TIME,
                                Map.of()),
                        ByteString.EMPTY))));
        return items;
    }

    private static List<Item> tail(List<Item> between) {
        List<Item> items = new ArrayList<>();
        items.add(item("tree/loop", new Kind.BlockDevice(7, 260), 0644));
        items.add(new Item(
                new TarEntry(ByteString.of(STRANGE), new Kind.File(1), 0644, 0, 0, TIME, Map.of()),
                ByteString.of("x")));
        items.addAll(between);
        items.add(item("tree/null", new Kind.CharacterDevice(1, 3), 0644));
        items.add(soft());
        return items;
    }

    private static Item directory(String name, int mode) {
        return item(name, new Kind.Directory(), mode);
    }

    private static Item sevenHundred(Instant time) {
        return new Item(
                new TarEntry(ByteString.of("tree/directory/700"), new Kind.File(700), 0644, 0, 0, time, Map.of()),
                ByteString.of("z".repeat(700)));
    }

    private static Item file(Map<String, ByteString> xattrs) {
        return new Item(
                new TarEntry(ByteString.of("tree/file"), new Kind.File(6), 06755, 12, 34, TIME, xattrs),
                ByteString.of("hello\n"));
    }

    private static Item hard() {
        Kind link = new Kind.HardLink(ByteString.of("tree/file"));
        return new Item(
                new TarEntry(ByteString.of("tree/hard"), link, 06755, 12, 34, TIME, Map.of()), ByteString.EMPTY);
    }

    private static Item soft() {
        return item("tree/soft", new Kind.SymbolicLink(ByteString.of("directory/700")), 0777);
    }

    private static Item item(String name, Kind kind, int mode) {
        return new Item(new TarEntry(ByteString.of(name), kind, mode, 0, 0, TIME, Map.of()), ByteString.EMPTY);
    }

    private static Item item(String name, int mode, long uid, long gid, String content) {
        Kind kind = new Kind.File(content.length());
        return new Item(
                new TarEntry(ByteString.of(name), kind, mode, uid, gid, TIME, Map.of()), ByteString.of(content));
    }

    private static Item python(String name, long uid, Instant time, Map<String, ByteString> xattrs, String content) {
        Kind kind = new Kind.File(content.length());
        return new Item(new TarEntry(ByteString.of(name), kind, 0640, uid, 0, time, xattrs), ByteString.of(content));
    }
}
