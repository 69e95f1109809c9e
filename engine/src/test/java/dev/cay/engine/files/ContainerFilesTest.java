package dev.cay.engine.files;

import static dev.cay.engine.files.FilesFixture.mine;
import static dev.cay.engine.files.FilesFixture.pathOf;
import static dev.cay.engine.files.FilesFixture.refuses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.SandboxException.FileFailed;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerFilesTest {
    @TempDir
    private Path folder;

    private Path root;
    private Path outside;
    private FilesFixture box;
    private long descriptors;

    @BeforeEach
    void open() throws IOException {
        root = Files.createDirectory(folder.resolve("root"));
        outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("secret"), "secret");
        box = new FilesFixture(root);
        descriptors = FilesFixture.descriptors();
    }

    @AfterEach
    void close() {
        assertThat(FilesFixture.descriptors()).isEqualTo(descriptors);
        box.close();
    }

    @Test
    void writesAndReads() throws IOException {
        box.write("/a/b/c", "hello");
        assertThat(Files.readString(root.resolve("a/b/c"))).isEqualTo("hello");
        assertThat(box.read("a//b/./c")).isEqualTo("hello");
        assertThat(box.names(root.resolve("a/b"))).containsExactly("c");
        assertThat(Files.getPosixFilePermissions(root.resolve("a/b/c")))
                .isEqualTo(PosixFilePermissions.fromString("rw-r--r--"));
    }

    @Test
    void readsParts() throws IOException {
        byte[] content = new byte[300_000];
        long seed = 20;
        new Random(seed).nextBytes(content);
        assertThat(box.files().write(pathOf("big"), new ByteArrayInputStream(content), mine(0600)))
                .isEqualTo(content.length);
        for (long[] part :
                new long[][] {{0, 10}, {299_999, 10}, {300_000, 1}, {1 << 20, 1}, {70_000, 130_000}, {5, 0}}) {
            try (InputStream stream = box.files().read(pathOf("big"), part[0], part[1])) {
                int from = (int) Math.min(content.length, part[0]);
                int to = (int) Math.min(content.length, part[0] + part[1]);
                assertThat(stream.readAllBytes()).isEqualTo(Arrays.copyOfRange(content, from, to));
            }
        }
        try (InputStream stream = box.files().read(pathOf("big"), 299_990, Long.MAX_VALUE)) {
            assertThat(stream.readAllBytes()).hasSize(10);
        }
    }

    @Test
    void replacesAsAWhole() throws IOException {
        box.write("file", "old");
        assertThatThrownBy(() -> box.files().write(pathOf("file"), failing(100_000), mine(0644)))
                .isInstanceOf(FileFailed.class)
                .hasMessageContaining("no more");
        assertThat(box.read("file")).isEqualTo("old");
        assertThat(box.names(root)).containsExactly("file");
        box.files().write(pathOf("file"), new ByteArrayInputStream(new byte[0]), mine(06750));
        FileInfo info = box.files().stat(pathOf("file"), true);
        assertThat(info.mode()).isEqualTo(06750);
        assertThat(info.size()).isZero();
        assertThat(info.user()).isEqualTo(FilesFixture.user());
    }

    private static InputStream failing(int after) {
        return new InputStream() {
            private int given;

            @Override
            public int read() throws IOException {
                if (given++ >= after) { // again and again: the first time is hidden by what was read before
                    throw new IOException("no more");
                }
                return 'x';
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                if (length == 0) {
                    return 0;
                }
                bytes[offset] = (byte) read();
                return 1;
            }
        };
    }

    @Test
    void replacesALinkInsteadOfFollowingIt() throws IOException {
        Files.createSymbolicLink(root.resolve("link"), outside.resolve("secret"));
        box.write("link", "mine");
        assertThat(Files.isSymbolicLink(root.resolve("link"))).isFalse();
        assertThat(Files.readString(outside.resolve("secret"))).isEqualTo("secret");
    }

    @Test
    void staysInside() throws IOException {
        Files.createSymbolicLink(root.resolve("absolute"), outside);
        Files.createSymbolicLink(root.resolve("up"), Path.of("../../../.."));
        Files.createSymbolicLink(root.resolve("loop"), Path.of("loop"));
        refuses("ENOENT", () -> box.files().read("absolute/secret"));
        refuses("ENOENT", () -> box.files().read("../outside/secret"));
        refuses("ENOENT", () -> box.files().list(pathOf("up/outside")));
        refuses("ELOOP", () -> box.files().read("loop"));
        refuses("ENOENT", () -> box.write("absolute/new", "x"));
        box.write("up/new", "x");
        assertThat(box.names(root)).containsExactly("absolute", "loop", "new", "up");
        assertThat(box.names(outside)).containsExactly("secret");
    }

    @Test
    void refusesWhatIsNoFile() throws IOException {
        Files.createDirectory(root.resolve("directory"));
        makeFifo("fifo");
        refuses("EISDIR", () -> box.files().read("directory"));
        refuses("EINVAL", () -> box.files().read("fifo"));
        refuses("EISDIR", () -> box.write("directory", "x"));
        refuses("EINVAL", () -> box.write("directory/..", "x"));
        refuses("EINVAL", () -> box.write("/", "x"));
        refuses("ENOTDIR", () -> box.write("fifo/x", "x"));
        refuses("ENOENT", () -> box.files().stat(pathOf("none"), true));
        refuses("EINVAL", () -> box.files().read(pathOf("x"), -1, 1));
        assertThat(box.names(root)).containsExactly("directory", "fifo");
        assertThat(box.names(root.resolve("directory"))).isEmpty();
    }

    private void makeFifo(String name) throws IOException {
        Op parent = FileOps.open(root.toString(), FileOps.O_PATH);
        box.kernel()
                .run(OpList.of(
                        parent,
                        DirectoryOps.makeFifo(Arg.of(parent), name.getBytes(StandardCharsets.UTF_8), 0600),
                        FileOps.close(parent)));
    }

    @Test
    void tellsWhatFilesAre() throws IOException {
        box.write("file", "12345");
        Files.setLastModifiedTime(root.resolve("file"), FileTime.from(Instant.parse("2001-02-03T04:05:06.123456789Z")));
        Files.createLink(root.resolve("other"), root.resolve("file"));
        Files.createSymbolicLink(root.resolve("link"), Path.of("file"));
        FileInfo file = box.files().stat(pathOf("/file"), false);
        assertThat(file.name()).isEqualTo(pathOf("file"));
        assertThat(file.kind()).isEqualTo(FileKind.FILE);
        assertThat(file.size()).isEqualTo(5);
        assertThat(file.links()).isEqualTo(2);
        assertThat(file.modified()).isEqualTo(Instant.parse("2001-02-03T04:05:06.123456789Z"));
        assertThat(box.files().stat(pathOf("link"), true).kind()).isEqualTo(FileKind.FILE);
        FileInfo link = box.files().stat(pathOf("link"), false);
        assertThat(link.kind()).isEqualTo(FileKind.SYMBOLIC_LINK);
        assertThat(link.target()).isEqualTo(Optional.of(pathOf("file")));
        assertThat(box.files().stat(pathOf("/"), true).name()).isEqualTo(pathOf("/"));
        assertThat(box.files().stat(pathOf("../.."), true).kind()).isEqualTo(FileKind.DIRECTORY);
    }

    @Test
    void namesAreBytes() {
        byte[] name = {'a', '\n', (byte) 0xff, (byte) 0xfe, ' '};
        FilePath path = FilePath.of(name);
        box.files().write(path, new ByteArrayInputStream(new byte[] {1}), mine(0644));
        assertThat(box.list("/")).extracting(FileInfo::name).containsExactly(path);
        box.files().move(path, pathOf("plain"));
        assertThat(box.list("/")).extracting(FileInfo::name).containsExactly(pathOf("plain"));
        box.files().makeDirectory(path, 0700, false);
        box.files().remove(path, false);
        refuses("ENOENT", () -> box.files().remove(path, false));
    }

    @Test
    void listsMany() throws IOException {
        Path many = Files.createDirectory(root.resolve("many"));
        for (int i = 0; i < 100_000; i++) {
            Files.createSymbolicLink(many.resolve("n" + i), Path.of("t" + i));
        }
        List<FileInfo> all = box.list("many");
        assertThat(all).hasSize(100_000);
        assertThat(all.stream().map(FileInfo::name).distinct()).hasSize(100_000);
        assertThat(all.stream()
                        .filter(info -> !info.target()
                                .equals(Optional.of(
                                        pathOf("t" + info.name().toString().substring(1))))))
                .isEmpty();
        box.files().remove(pathOf("many"), true);
        assertThat(box.names(root)).isEmpty();
    }

    @Test
    void aListingThatIsNotReadToTheEndIsClosed() throws IOException {
        for (int i = 0; i < 300; i++) {
            Files.createFile(root.resolve("f" + i));
        }
        try (var listing = box.files().list(pathOf("/"))) {
            assertThat(listing.next().kind()).isEqualTo(FileKind.FILE);
        }
    }

    @Test
    void makesDirectories() {
        box.files().makeDirectory(pathOf("a"), 01777, false);
        assertThat(box.files().stat(pathOf("a"), true).mode()).isEqualTo(01777);
        refuses("EEXIST", () -> box.files().makeDirectory(pathOf("a"), 0755, false));
        refuses("ENOENT", () -> box.files().makeDirectory(pathOf("x/y"), 0755, false));
        box.files().makeDirectory(pathOf("x/y/z"), 0700, true);
        box.files().makeDirectory(pathOf("x/y/z"), 0755, true);
        box.files().makeDirectory(pathOf("/"), 0755, true);
        assertThat(box.files().stat(pathOf("x/y/z"), true).mode()).isEqualTo(0700);
        box.write("file", "");
        refuses("ENOTDIR", () -> box.files().makeDirectory(pathOf("file/x"), 0755, true));
    }

    @Test
    void moves() throws IOException {
        box.write("a/file", "1");
        box.files().makeDirectory(pathOf("b"), 0755, false);
        box.files().move(pathOf("a/file"), pathOf("b/other"));
        assertThat(box.read("b/other")).isEqualTo("1");
        refuses("ENOENT", () -> box.files().move(pathOf("a/file"), pathOf("b/other")));
        Files.createSymbolicLink(root.resolve("link"), Path.of("b/other"));
        box.files().move(pathOf("link"), pathOf("a/link"));
        assertThat(Files.isSymbolicLink(root.resolve("a/link"))).isTrue();
        refuses("EINVAL", () -> box.files().move(pathOf("b"), pathOf("b/c")));
    }

    @Test
    void removes() throws IOException {
        box.write("tree/a/b/file", "1");
        Files.createSymbolicLink(root.resolve("tree/link"), outside);
        Files.createSymbolicLink(root.resolve("link"), outside);
        makeFifo("tree/fifo");
        refuses("ENOTEMPTY", () -> box.files().remove(pathOf("tree"), false));
        box.files().remove(pathOf("link"), true);
        box.files().remove(pathOf("tree/a/b/file"), false);
        box.files().remove(pathOf("tree"), true);
        assertThat(box.names(root)).isEmpty();
        assertThat(box.names(outside)).containsExactly("secret");
        refuses("EINVAL", () -> box.files().remove(pathOf("/"), true));
    }

    @Test
    void removesDeepTrees() throws IOException {
        deepTree(2000, "d");
        box.files().remove(pathOf("d"), true);
        assertThat(box.names(root)).isEmpty();
    }

    @Test
    void removesTreesDeeperThanAPathCanBe() throws IOException {
        deepTree(1500, "directory-of-a-longer-name");
        box.files().remove(pathOf("directory-of-a-longer-name"), true);
        assertThat(box.names(root)).isEmpty();
    }

    /** Made from the inside out, since no path reaches that far. */
    private void deepTree(int depth, String name) throws IOException {
        Files.createDirectory(root.resolve(name));
        for (int i = 1; i < depth; i++) {
            Files.createDirectory(root.resolve("outer"));
            Files.createFile(root.resolve("outer/file"));
            Files.move(root.resolve(name), root.resolve("outer").resolve(name));
            Files.move(root.resolve("outer"), root.resolve(name));
        }
    }

    @Test
    void removesWideTrees() throws IOException {
        for (int i = 0; i < 40; i++) {
            Path directory = Files.createDirectories(root.resolve("wide/d" + i + "/e"));
            for (int j = 0; j < 30; j++) {
                Files.createDirectories(directory.resolve("f" + j + "/g"));
                Files.createFile(directory.resolve("f" + j + "/file"));
            }
        }
        box.files().remove(pathOf("wide"), true);
        assertThat(box.names(root)).isEmpty();
    }

    @Test
    void messagesAreSafeToPrint() {
        assertThatThrownBy(() -> box.files().read(pathOf("a\u001b[2J"), 0, 1))
                .hasMessage("ENOENT: a?[2J: no such file");
    }

    @Test
    void nothingIsLeftWhenItCannotBeFinished() {
        box.write("file", "old");
        for (String failing : List.of("fsync", "renameat2", "fchmod", "pwrite64")) {
            dev.cay.linux.HostKernel.inject(list -> {
                for (int i = 0; i < list.size(); i++) {
                    if (list.operations().get(i).call().text().equals(failing)) {
                        return i;
                    }
                }
                return dev.cay.linux.Faults.NONE;
            });
            try {
                refuses("ENOSYS", () -> box.write("file", "new"));
            } finally {
                dev.cay.linux.HostKernel.inject(_ -> dev.cay.linux.Faults.NONE);
            }
            assertThat(box.read("file")).isEqualTo("old");
            assertThat(box.names(root)).containsExactly("file");
        }
    }

    @Test
    void whatIsAppendedComesBehind() throws IOException {
        Files.writeString(root.resolve("file"), "one");
        Files.createSymbolicLink(root.resolve("link"), Path.of("/file"));
        assertThat(append("/link", " two")).isEqualTo(4);
        assertThat(append("/file", " three")).isEqualTo(6);
        assertThat(root.resolve("file")).hasContent("one two three");
        append("/new/deep/file", "first");
        assertThat(root.resolve("new/deep/file")).hasContent("first");
        Files.createSymbolicLink(root.resolve("escape"), outside.resolve("secret"));
        append("/escape", "more"); // leads nowhere in here
        assertThat(outside.resolve("secret")).hasContent("secret");
        assertThat(root.resolve("escape")).hasContent("more");
        assertThatThrownBy(() -> append("/new", "x"))
                .isInstanceOf(FileFailed.class)
                .hasMessageContaining("EISDIR");
    }

    @Test
    void whatIsWrittenInPlaceLeavesTheFileWhatItIs() throws IOException {
        Files.writeString(root.resolve("file"), "a long line");
        Files.createLink(root.resolve("other"), root.resolve("file"));
        Files.createSymbolicLink(root.resolve("link"), Path.of("/file"));
        assertThat(overwrite("/link", "one")).isEqualTo(3);
        assertThat(root.resolve("other")).hasContent("one");
        assertThat(Files.isSymbolicLink(root.resolve("link"))).isTrue();
        overwrite("/new/deep/file", "first");
        assertThat(root.resolve("new/deep/file")).hasContent("first");
        Files.createSymbolicLink(root.resolve("escape"), outside.resolve("secret"));
        overwrite("/escape", "more"); // leads nowhere in here
        assertThat(outside.resolve("secret")).hasContent("secret");
        assertThatThrownBy(() -> overwrite("/new", "x"))
                .isInstanceOf(FileFailed.class)
                .hasMessageContaining("EISDIR");
    }

    private long overwrite(String path, String content) {
        return box.files()
                .overwrite(
                        FilePath.of(path),
                        new ByteArrayInputStream(content.getBytes(StandardCharsets.UTF_8)),
                        mine(0644));
    }

    private long append(String path, String content) {
        return box.files()
                .append(
                        FilePath.of(path),
                        new ByteArrayInputStream(content.getBytes(StandardCharsets.UTF_8)),
                        mine(0644));
    }
}
