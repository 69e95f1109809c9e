package dev.cay.cli;

import static dev.cay.cli.FakeFiles.info;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.SandboxSpec;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpCommandTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);
    private final FakeFiles files = new FakeFiles();

    @TempDir
    private Path folder;

    @BeforeEach
    void makeSandbox() {
        engine.box("lab", SandboxSpec.host().detached().build()).files = Optional.of(files);
    }

    private int copy(String... operands) {
        String[] line = new String[operands.length + 1];
        line[0] = "cp";
        for (int i = 0; i < operands.length; i++) {
            line[i + 1] = operands[i].replace("@", folder.toString());
        }
        return terminal.run(line);
    }

    private void assertFails(String message, String... operands) {
        terminal.err.reset();
        assertThat(copy(operands)).isEqualTo(125);
        assertThat(terminal.err().replace(folder.toString(), "@")).contains(message);
    }

    @ParameterizedTest
    @CsvSource({
        "lab:/x,lab,/x",
        "lab:x,lab,x",
        "./lab:x,'',./lab:x",
        "/a:x,'',/a:x",
        "a/b:x,'',a/b:x",
        "-,'',-",
        ":x,'',:x",
        "lab:,lab,''",
        "..:x,'',..:x",
        "lab:a:b,lab,a:b"
    })
    void aColonMakesItASandboxes(String text, String sandbox, String path) {
        assertThat(CpCommand.Place.of(text)).isEqualTo(new CpCommand.Place(sandbox, path));
    }

    @Test
    void copiesAFileOut() throws IOException {
        files.content("/f", "hello");
        Files.createDirectory(folder.resolve("there"));
        Files.writeString(folder.resolve("old"), "a longer text");

        assertThat(copy("lab:/f", "@/new")).isZero();
        assertThat(copy("lab:/f", "@/old")).isZero();
        assertThat(copy("lab:/f", "@/there")).isZero();

        assertThat(folder.resolve("new")).hasContent("hello");
        assertThat(folder.resolve("old")).hasContent("hello");
        assertThat(folder.resolve("there/f")).hasContent("hello");
        assertThat(Files.getLastModifiedTime(folder.resolve("new")).toInstant()).isEqualTo(FakeFiles.MODIFIED);
        assertThat(terminal.out()).isEmpty();
        assertFails("there is no directory '@/none/'", "lab:/f", "@/none/");
        assertFails("cannot write to '@/none/f': there is no '@/none/f'", "lab:/f", "@/none/f");
        assertFails("error [file-failed]: stat(/g): ENOENT", "lab:/g", "@/x");
        assertFails("'/f/' of the sandbox is not a directory", "lab:/f/", "@/x");
    }

    @Test
    void copiesADirectoryOut() throws IOException {
        files.directory(
                        "/d",
                        info("f", FileKind.FILE, 04755, 5, ""),
                        info("sub", FileKind.DIRECTORY, 0500, 0, ""),
                        info("link", FileKind.SYMBOLIC_LINK, 0777, 0, "../\u00fc"),
                        info("pipe", FileKind.FIFO, 0644, 0, ""),
                        info("\u00e4", FileKind.FILE, 0600, 1, ""))
                .directory("/d/sub", info("g", FileKind.FILE, 0644, 100, ""))
                .content("/d/f", "hello")
                .content("/d/\u00e4", "x")
                .content("/d/sub/g", "short");

        assertThat(copy("lab:/d", "@/made")).isZero();
        assertThat(terminal.err()).isEqualTo("cay: left out 1 devices, pipes or sockets\n");
        Files.createDirectory(folder.resolve("there"));
        assertThat(copy("lab:/d/", "@/there")).isZero();
        assertThat(copy("lab:/d/.", "@/there")).isZero();

        for (String place : new String[] {"made", "there/d", "there"}) {
            Path at = folder.resolve(place);
            assertThat(at.resolve("f")).hasContent("hello");
            assertThat(at.resolve("sub/g")).hasContent("short");
            assertThat(at.resolve(HostNames.path("\u00e4"))).hasContent("x");
            assertThat(at.resolve("pipe")).doesNotExist();
            assertThat(HostNames.bytes(Files.readSymbolicLink(at.resolve("link"))))
                    .isEqualTo("../\u00fc".getBytes(java.nio.charset.StandardCharsets.UTF_8));
            int mode = (int) Files.getAttribute(at.resolve("f"), "unix:mode");
            assertThat(mode & 07000).isZero();
            assertThat(mode & 0700).isEqualTo(0700);
        }
        assertThat(files.done).contains("visited /d", "visited /d/sub");
        assertFails("is in the way of a directory", "lab:/d", "@/made/f");
        files.directory("/d/..");
        assertFails("has no name of its own", "lab:/d/..", "@/there");
    }

    /** The names and links of a sandbox lead nowhere but into the target. */
    @Test
    void aHostileSandboxWritesNowhereElse() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("victim"), "safe");
        FilePath slash = FilePath.of("../outside/evil");

        files.directory("/a", info(slash, FileKind.FILE, 0644, 1, ""));
        assertFails("which no file can be", "lab:/a", "@/a");
        files.directory("/b", info("..", FileKind.DIRECTORY, 0755, 0, ""));
        assertFails("which no file can be", "lab:/b", "@/b");
        files.directory(
                        "/c",
                        info("x", FileKind.SYMBOLIC_LINK, 0777, 0, outside.toString()),
                        info("x", FileKind.DIRECTORY, 0755, 0, ""))
                .directory("/c/x", info("evil", FileKind.FILE, 0644, 1, ""));
        assertFails("'@/c/x' is in the way of a directory", "lab:/c", "@/c");
        files.directory(
                        "/d",
                        info(
                                "x",
                                FileKind.SYMBOLIC_LINK,
                                0777,
                                0,
                                outside.resolve("victim").toString()),
                        info("x", FileKind.FILE, 0644, 5, ""))
                .content("/d/x", "owned");
        assertThat(copy("lab:/d", "@/d")).isZero();
        files.directory(
                "/e",
                info("x", FileKind.DIRECTORY, 0755, 0, ""),
                info("x", FileKind.SYMBOLIC_LINK, 0777, 0, outside.toString()));
        assertFails("'@/e/x' is no file that could be replaced", "lab:/e", "@/e");

        assertThat(outside.resolve("evil")).doesNotExist();
        assertThat(outside.resolve("victim")).hasContent("safe");
        assertThat(folder.resolve("d/x")).hasContent("owned");
        assertThat(Files.isSymbolicLink(folder.resolve("d/x"))).isFalse();
    }

    /** What it says is in a directory that it has not shown before is nowhere. */
    @Test
    void aFileNeedsADirectory() {
        for (String directory : new String[] {"x", "..", "./..", "/"}) {
            Path target = folder.resolve("t");
            CopyOut copy = new CopyOut(new FakeFiles(), Streams.ofProcess());
            assertThatThrownBy(() -> copy.place(
                            FilePath.of(directory),
                            info("f", FileKind.FILE, 0644, 0, ""),
                            InputStream.nullInputStream()))
                    .hasMessageContaining("in a directory that it has not shown");
            assertThat(target).doesNotExist();
        }
    }

    @Test
    void linksOfAnEarlierCopyAreNotFollowedEither() throws IOException {
        Path victim = Files.writeString(folder.resolve("victim"), "safe");
        Path target = Files.createDirectory(folder.resolve("t"));
        Files.createSymbolicLink(target.resolve("f"), victim);
        Files.createSymbolicLink(target.resolve("sub"), folder);
        files.directory("/d", info("f", FileKind.FILE, 0644, 5, "")).content("/d/f", "hello");

        assertThat(copy("lab:/d/.", "@/t")).isZero();
        assertThat(victim).hasContent("safe");
        assertThat(target.resolve("f")).hasContent("hello");

        files.directory("/e", info("sub", FileKind.DIRECTORY, 0755, 0, "")).directory("/e/sub");
        assertFails("'@/t/sub' is in the way of a directory", "lab:/e/.", "@/t");
    }

    @Test
    void aFileThatGrowsEnds() {
        files.directory("/d", info("f", FileKind.FILE, 0644, 3, "")).content("/d/f", "growing");

        assertThat(copy("lab:/d", "@/d")).isZero();
        assertThat(folder.resolve("d/f")).hasContent("gro");
    }

    @Test
    void copiesALinkOrWhatItLeadsTo() {
        files.content("/f", "hello");
        files.directory("/d", info("l", FileKind.SYMBOLIC_LINK, 0777, 0, "/f"));
        files.content("/d/l", "hello");

        assertThat(copy("lab:/d/l", "@/link")).isZero();
        assertThat(copy("-L", "lab:/d/l", "@/file")).isZero();
        assertThat(folder.resolve("link")).isSymbolicLink();
        assertThat(Files.isRegularFile(folder.resolve("file"), LinkOption.NOFOLLOW_LINKS))
                .isTrue();
    }

    @Test
    void anArchiveGoesOutAndIn() {
        files.archive = new byte[] {1, 2, 3};
        files.directory("/d").content("/f", "");

        assertThat(copy("lab:/d", "-")).isZero();
        assertThat(terminal.out.toByteArray()).containsExactly(1, 2, 3);
        terminal.in = new ByteArrayInputStream(new byte[] {4, 5});
        assertThat(copy("-", "lab:/d/")).isZero();
        assertThat(files.unpacked).containsExactly(4, 5);
        assertFails("there is no archive on standard input", "-", "lab:/d"); // all of it has been read
        assertThat(files.done).containsExactly("pack /d", "unpack /d");
        assertFails("'/f' is no directory of the sandbox", "-", "lab:/f");
        assertFails("'/g' is no directory of the sandbox", "-", "lab:/g");
        terminal.brokenOut = Optional.of(Terminal.failingAfter(1, "Broken pipe"));
        terminal.pipes = true;
        assertThat(copy("lab:/d", "-")).isEqualTo(141);
    }

    @Test
    void anArchiveIsNothingForATerminal() {
        terminal.interactive();

        assertFails("a tar archive is nothing for a terminal", "lab:/d", "-");
        assertFails("nobody types a tar archive", "-", "lab:/d");
    }

    @Test
    void copiesAFileIn() throws IOException {
        Path file = Files.writeString(folder.resolve("f"), "hello");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-x---"));
        Files.createSymbolicLink(folder.resolve("l"), file);
        files.directory("/d").content("/old", "");

        assertThat(copy("@/f", "lab:/d")).isZero();
        assertThat(copy("@/f", "lab:/old")).isZero();
        assertThat(copy("@/f", "lab:/new")).isZero();
        assertThat(copy("-L", "@/l", "lab:/new")).isZero();
        assertThat(files.done)
                .containsExactly(
                        "write /d/f 750 hello", "write /old 750 hello", "write /new 750 hello", "write /new 750 hello");
        assertFails("there is no directory '/none' in the sandbox", "@/f", "lab:/none/");
        assertFails("cannot read '@/none': there is no '@/none'", "@/none", "lab:/new");
    }
}
