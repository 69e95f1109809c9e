package dev.cay.engine.files;

import static dev.cay.engine.files.FilesFixture.pathOf;
import static dev.cay.engine.files.FilesFixture.refuses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.SandboxException.FileFailed;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import dev.cay.engine.archive.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Packing and unpacking. */
class TreeTest {
    private static final Instant TIME = Instant.parse("2001-02-03T04:05:06.123456789Z");

    @TempDir
    private Path folder;

    private Path root;
    private Path outside;
    private FilesFixture box;
    private long descriptors;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarWriter tar = new TarWriter(bytes);

    @BeforeEach
    void open() throws IOException {
        root = Files.createDirectory(folder.resolve("root"));
        outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("secret"), "secret");
        Files.createDirectory(root.resolve("to"));
        box = new FilesFixture(root);
        descriptors = FilesFixture.descriptors();
    }

    @AfterEach
    void close() {
        assertThat(FilesFixture.descriptors()).isEqualTo(descriptors);
        assertThat(box.names(outside)).containsExactly("secret");
        box.close();
    }

    private TreeTest entry(String name, Kind kind, int mode) {
        return entry(name, kind, mode, new byte[0]);
    }

    private TreeTest entry(String name, Kind kind, int mode, byte[] content) {
        try {
            tar.add(
                    new TarEntry(
                            ByteString.of(name), kind, mode, FilesFixture.user(), FilesFixture.group(), TIME, Map.of()),
                    new ByteArrayInputStream(content));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    private TreeTest file(String name, String content) {
        return entry(name, new Kind.File(content.length()), 0640, content.getBytes(StandardCharsets.UTF_8));
    }

    private TreeTest directory(String name, int mode) {
        return entry(name, new Kind.Directory(), mode);
    }

    private TreeTest link(String name, String target) {
        return entry(name, new Kind.SymbolicLink(ByteString.of(target)), 0777);
    }

    private TreeTest hardLink(String name, String target) {
        return entry(name, new Kind.HardLink(ByteString.of(target)), 0644);
    }

    private void unpack() throws IOException {
        tar.finish();
        box.files().unpack(pathOf("to"), new ByteArrayInputStream(bytes.toByteArray()));
    }

    private Map<String, TarEntry> pack(String path) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        box.files().pack(pathOf(path), packed);
        TarReader reader = new TarReader(new ByteArrayInputStream(packed.toByteArray()), TarLimits.STANDARD);
        Map<String, TarEntry> entries = new HashMap<>();
        Optional<TarEntry> entry;
        while ((entry = reader.next()).isPresent()) {
            assertThat(entries.put(entry.get().name().toString(), entry.get())).isNull();
        }
        return entries;
    }

    @Test
    void unpacks() throws IOException {
        directory("./", 0700)
                .directory("d/", 0550)
                .file("d/file", "content")
                .hardLink("d/hard", "./d/file")
                .link("d/link", "file")
                .entry("d/fifo", new Kind.Fifo(), 0622)
                .entry("d/device", new Kind.CharacterDevice(1, 3), 0666)
                .file("/x/y/implied", "")
                .unpack();
        FileInfo directory = box.files().stat(pathOf("to/d"), false);
        assertThat(directory.mode()).isEqualTo(0550);
        assertThat(directory.modified()).isEqualTo(TIME);
        FileInfo file = box.files().stat(pathOf("to/d/file"), false);
        assertThat(file.mode()).isEqualTo(0640);
        assertThat(file.links()).isEqualTo(2);
        assertThat(file.modified()).isEqualTo(TIME);
        FileInfo link = box.files().stat(pathOf("to/d/link"), false);
        assertThat(link.target()).isEqualTo(Optional.of(pathOf("file")));
        assertThat(link.modified()).isEqualTo(TIME);
        FileInfo fifo = box.files().stat(pathOf("to/d/fifo"), false);
        assertThat(fifo.kind()).isEqualTo(FileKind.FIFO);
        assertThat(fifo.mode()).isEqualTo(0622);
        assertThat(box.names(root.resolve("to/d"))).containsExactly("fifo", "file", "hard", "link");
        assertThat(box.read("to/d/hard")).isEqualTo("content");
        assertThat(Files.size(root.resolve("to/x/y/implied"))).isZero();
    }

    @Test
    void replacesFilesAndKeepsDirectories() throws IOException {
        Files.createDirectory(root.resolve("to/d"));
        Files.writeString(root.resolve("to/d/kept"), "kept");
        Files.createSymbolicLink(root.resolve("to/d/a"), outside.resolve("secret"));
        Files.createLink(root.resolve("to/d/b"), outside.resolve("secret"));
        directory("d", 0755)
                .file("d/a", "1")
                .file("d/b", "2")
                .link("d/c", "x")
                .file("d/c", "3")
                .unpack();
        assertThat(box.names(root.resolve("to/d"))).containsExactly("a", "b", "c", "kept");
        assertThat(box.read("to/d/b")).isEqualTo("2");
        assertThat(Files.readString(outside.resolve("secret"))).isEqualTo("secret");
    }

    @Test
    void followsNoLink() throws IOException {
        Files.createSymbolicLink(root.resolve("to/there"), outside);
        Files.createSymbolicLink(root.resolve("to/below"), Path.of("."));
        for (String name : List.of("there/new", "there/a/b", "below/new")) {
            bytes.reset();
            TreeTest other = this;
            TarWriter again = new TarWriter(bytes);
            again.add(
                    new TarEntry(
                            ByteString.of(name),
                            new Kind.File(1),
                            0644,
                            FilesFixture.user(),
                            FilesFixture.group(),
                            TIME,
                            Map.of()),
                    new ByteArrayInputStream(new byte[1]));
            again.finish();
            refuses(
                    "ENOTDIR",
                    () -> other.box.files().unpack(pathOf("to"), new ByteArrayInputStream(bytes.toByteArray())));
        }
        assertThat(box.names(root.resolve("to"))).containsExactly("below", "there");
    }

    @Test
    void followsNoLinkOfTheArchive() {
        link("l", outside.toString()).file("l/new", "1");
        refuses("ENOTDIR", this::unpack);
    }

    @Test
    void aDirectoryOverALinkFails() {
        link("l", outside.toString()).directory("l", 0777);
        refuses("ENOTDIR", this::unpack);
    }

    @Test
    void refusesLinksToWhatIsNotInTheArchive() throws IOException {
        Files.writeString(root.resolve("to/own"), "own");
        hardLink("l", "own");
        refuses("EINVAL", this::unpack);
        assertThat(box.names(root.resolve("to"))).containsExactly("own");
    }

    @Test
    void refusesNamesThatLeadUpwards() {
        file("../new", "1");
        assertThatThrownBy(this::unpack).isInstanceOf(FileFailed.class).hasMessageContaining("upwards");
    }

    @Test
    void aFileOverADirectoryFails() {
        directory("d/e", 0755).file("d", "1");
        refuses("EEXIST", this::unpack);
    }

    @Test
    void whatFailsLeavesUsableDirectories() {
        directory("d", 0755).file("d/a", "1").file("d", "2");
        refuses("EEXIST", this::unpack);
        assertThat(box.files().stat(pathOf("to/d"), false).mode()).isEqualTo(0755);
    }

    @Test
    void manyFilesOfAllSizesThereAndBack() throws IOException {
        long seed = 4711;
        Random random = new Random(seed);
        Map<String, byte[]> contents = new HashMap<>();
        for (int i = 0; i < 1500; i++) {
            byte[] content = new byte[i % 100 == 0 ? random.nextInt(300_000) : random.nextInt(3000)];
            random.nextBytes(content);
            String name = "to/d" + random.nextInt(60) + "/e" + random.nextInt(3) + "/f" + i;
            contents.put(name, content);
            entry(name.substring(3), new Kind.File(content.length), 0600 + i % 64, content);
        }
        unpack();
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        box.files().pack(pathOf("/to"), packed);
        box.files().remove(pathOf("to"), true);
        box.files().unpack(pathOf("/"), new ByteArrayInputStream(packed.toByteArray()));
        contents.forEach((name, content) -> {
            try {
                assertThat(Arrays.equals(Files.readAllBytes(root.resolve(name)), content))
                        .as(name)
                        .isTrue();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        assertThat(Files.getLastModifiedTime(
                                root.resolve(contents.keySet().iterator().next()))
                        .toInstant())
                .isEqualTo(TIME);
    }

    @Test
    void packs() throws IOException {
        Files.writeString(root.resolve("to/file"), "content");
        Files.createLink(root.resolve("to/hard"), root.resolve("to/file"));
        Files.createSymbolicLink(root.resolve("to/link"), outside);
        Files.createDirectory(root.resolve("to/empty"));
        byte[] name = {'a', '\n', 'b'};
        box.files()
                .write(
                        dev.cay.FilePath.of("to").resolve(dev.cay.FilePath.of(name)),
                        new ByteArrayInputStream(new byte[0]),
                        FilesFixture.mine(0600));
        Map<String, TarEntry> entries = pack("to/");
        assertThat(entries).containsOnlyKeys("to/", "to/file", "to/hard", "to/link", "to/empty/", "to/a\\x0ab");
        assertThat(entries.get("to/link").kind()).isEqualTo(new Kind.SymbolicLink(ByteString.of(outside.toString())));
        assertThat(List.of(entries.get("to/file").kind(), entries.get("to/hard").kind()))
                .contains(new Kind.File(7))
                .hasAtLeastOneElementOfType(Kind.HardLink.class);
        assertThat(pack("to/link")).containsOnlyKeys("link");
        assertThat(pack("to/file")).containsOnlyKeys("file");
        assertThat(pack("/")).containsKeys("./", "./to/", "./to/file");
        refuses("ENOENT", () -> box.files().pack(pathOf("none"), bytes));
    }

    @Test
    void packsExtendedAttributes() throws IOException {
        Path file = Files.writeString(root.resolve("to/file"), "content");
        Files.setAttribute(file, "user:color", new byte[] {1, 2, 3});
        Map<String, TarEntry> entries = pack("to");
        assertThat(entries.get("to/file").xattrs()).containsEntry("user.color", ByteString.of(new byte[] {1, 2, 3}));
        box.files().makeDirectory(pathOf("copy"), 0755, false);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        box.files().pack(pathOf("to"), packed);
        box.files().unpack(pathOf("copy"), new ByteArrayInputStream(packed.toByteArray()));
        assertThat(Files.getAttribute(root.resolve("copy/to/file"), "user:color"))
                .isEqualTo(new byte[] {1, 2, 3});
    }

    @Test
    void packsDeepTrees() throws IOException {
        StringBuilder path = new StringBuilder("to");
        for (int i = 0; i < 2000; i++) {
            path.append("/d");
        }
        box.files().makeDirectory(pathOf(path.substring(0, 4000)), 0755, true);
        assertThat(pack("to")).hasSize(2000);
        box.files().remove(pathOf("to"), true); // by JUnit it takes minutes
    }

    @Test
    void aBrokenTargetIsTold() throws IOException {
        Files.writeString(root.resolve("to/file"), "content");
        assertThatThrownBy(() -> box.files().pack(pathOf("to"), new java.io.OutputStream() {
                    @Override
                    public void write(int one) throws IOException {
                        throw new IOException("full");
                    }
                }))
                .isInstanceOf(FileFailed.class)
                .hasMessageContaining("full");
    }

    /** Small ones that come many in a list, large ones, and what has no content. */
    @Test
    void aVisitorIsShownEverything() throws IOException {
        String large = "0123456789".repeat(10_000);
        directory("d", 0755)
                .directory("d/sub", 0700)
                .file("d/sub/small", "hello")
                .file("d/large", large);
        link("d/link", "../../outside/secret")
                .entry("d/pipe", new Kind.Fifo(), 0600)
                .file("d/empty", "");
        unpack();
        Files.createSymbolicLink(root.resolve("way"), Path.of("to/d"));
        for (String way : new String[] {"to/d", "way"}) {
            Map<String, String> seen = new java.util.LinkedHashMap<>();
            box.files().visit(pathOf(way), (directory, file, content) -> {
                String text = new String(content.readAllBytes(), StandardCharsets.UTF_8);
                seen.put(
                        directory + "/" + file.name(),
                        file.kind() + " " + file.target().map(Object::toString).orElse(text));
            });
            assertThat(seen)
                    .containsOnly(
                            Map.entry("./sub", "DIRECTORY "),
                            Map.entry("sub/small", "FILE hello"),
                            Map.entry("./large", "FILE " + large),
                            Map.entry("./link", "SYMBOLIC_LINK ../../outside/secret"),
                            Map.entry("./pipe", "FIFO "),
                            Map.entry("./empty", "FILE "));
            List<String> order = List.copyOf(seen.keySet());
            assertThat(order.indexOf("./sub")).isLessThan(order.indexOf("sub/small"));
        }
        assertThatThrownBy(() -> box.files().visit(pathOf("to"), (directory, file, content) -> {
                    throw new IOException("enough");
                }))
                .hasMessage("enough");
    }
}
