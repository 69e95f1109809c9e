package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Another program, tar(1), says whether what we write is an archive. */
class TarStreamTest {
    private static final String LONG = "a-name-that-is-long/".repeat(9) + "end";

    @TempDir
    private Path folder;

    private Path source;

    @BeforeEach
    void makeSource() throws IOException {
        source = Files.createDirectory(folder.resolve("source"));
    }

    private static byte[] read(TarStream tar, int piece) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] buffer = new byte[piece];
        for (int count = tar.read(buffer); count >= 0; count = tar.read(buffer)) {
            out.write(buffer, 0, count);
        }
        return out.toByteArray();
    }

    private Path unpack(byte[] archive) throws IOException, InterruptedException {
        Path target = Files.createTempDirectory(folder, "target");
        Path file = Files.write(folder.resolve("archive.tar"), archive);
        Process tar = new ProcessBuilder("tar", "-xpf", file.toString(), "-C", target.toString())
                .redirectErrorStream(true)
                .start();
        assertThat(new String(tar.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEmpty();
        assertThat(tar.waitFor()).isZero();
        return target;
    }

    @Test
    void writesWhatTarReads() throws IOException, InterruptedException {
        Random random = new Random(11);
        byte[] large = new byte[300_001];
        random.nextBytes(large);
        Files.write(source.resolve("large"), large);
        Files.createFile(source.resolve("empty"));
        Files.write(source.resolve("block"), new byte[512]);
        Path deep = source.resolve(LONG);
        Files.createDirectories(deep.getParent());
        Files.writeString(deep, "deep");
        Files.createSymbolicLink(source.resolve("link"), Path.of("large"));
        Files.createSymbolicLink(source.resolve("far"), Path.of("x".repeat(200)));
        Files.writeString(source.resolve(HostNames.path("gr\u00fc\u00df")), "dich");
        Files.setPosixFilePermissions(source.resolve("large"), PosixFilePermissions.fromString("rwx--x---"));
        Files.setLastModifiedTime(source.resolve("large"), FileTime.from(Instant.parse("2020-02-03T04:05:06Z")));

        byte[] archive;
        try (TarStream tar = new TarStream(TarFile.of(source), "named".getBytes(StandardCharsets.US_ASCII))) {
            archive = read(tar, 777);
            assertThat(tar.leftOut()).isZero();
        }
        Path target = unpack(archive).resolve("named");

        assertThat(archive.length % TarHeader.BLOCK).isZero();
        assertThat(target.resolve("large")).hasBinaryContent(large);
        assertThat(target.resolve("empty")).isEmptyFile();
        assertThat(target.resolve("block")).hasSize(512);
        assertThat(target.resolve(LONG)).hasContent("deep");
        assertThat(Files.readSymbolicLink(target.resolve("link"))).isEqualTo(Path.of("large"));
        assertThat(Files.readSymbolicLink(target.resolve("far")).toString()).isEqualTo("x".repeat(200));
        assertThat(target.resolve(HostNames.path("gr\u00fc\u00df"))).hasContent("dich");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target.resolve("large"))))
                .isEqualTo("rwx--x---");
        assertThat(Files.getLastModifiedTime(target.resolve("large")).toInstant())
                .isEqualTo(Instant.parse("2020-02-03T04:05:06Z"));
    }

    @Test
    void paxRecordsOfAllLengthsCountThemselves() throws IOException, InterruptedException {
        Files.createFile(source.resolve("f"));
        for (int length : new int[] {99, 100, 101, 255, 985, 986, 987, 988, 989, 990}) {
            StringBuilder text = new StringBuilder();
            while (text.length() < length) {
                text.append(text.length() % 100 == 50 && text.length() + 1 < length ? '/' : 'n');
            }
            String name = text.toString();
            byte[] archive;
            try (TarStream tar =
                    new TarStream(TarFile.of(source.resolve("f")), name.getBytes(StandardCharsets.US_ASCII))) {
                archive = read(tar, 4096);
            }
            assertThat(unpack(archive).resolve(name)).isEmptyFile();
        }
    }

    @Test
    void leavesOutWhatIsNoFile() throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("mkfifo", source.resolve("pipe").toString())
                        .start()
                        .waitFor())
                .isZero();

        try (TarStream tar = new TarStream(TarFile.of(source), new byte[0])) {
            assertThat(read(tar, 512)).hasSize(1024).containsOnly(0);
            assertThat(tar.leftOut()).isOne();
        }
    }

    @Test
    void aFileThatBecomesShorterIsAnError() throws IOException {
        Path file = Files.write(source.resolve("f"), new byte[10_000]);

        try (TarStream tar = new TarStream(TarFile.of(file), new byte[] {'f'})) {
            Files.write(file, new byte[10]);
            assertThatThrownBy(() -> read(tar, 512))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("became shorter");
        }
    }

    @Test
    void aDirectoryIsUnpackedWhereItBelongs() throws IOException, InterruptedException {
        Files.writeString(source.resolve("f"), "hello");
        Files.createSymbolicLink(folder.resolve("link"), source);
        FakeFiles files = new FakeFiles().directory("/d").content("/f", "");
        FakeSandboxes engine = FakeSandboxes.exiting(0);
        engine.box("lab", SandboxSpec.host().detached().build()).files = Optional.of(files);
        Terminal terminal = new Terminal(engine);

        assertThat(terminal.run("cp", source.toString(), "lab:/d")).isZero();
        assertThat(unpack(files.unpacked).resolve("source/f")).hasContent("hello");
        byte[] named = files.unpacked;
        assertThat(terminal.run("cp", source + "/.", "lab:/d")).isZero();
        byte[] contents = files.unpacked;
        assertThat(terminal.run("cp", source.toString(), "lab:/new")).isZero();
        assertThat(files.unpacked).isEqualTo(contents).isNotEqualTo(named);
        assertThat(terminal.run("cp", folder.resolve("link").toString(), "lab:/d/sub"))
                .isZero();
        assertThat(new String(files.unpacked, 0, 3, StandardCharsets.US_ASCII)).isEqualTo("sub");
        assertThat((char) files.unpacked[156]).isEqualTo('2');
        assertThat(terminal.run("cp", source.toString(), "lab:/f")).isEqualTo(125);
        assertThat(terminal.err()).contains("'/f' of the sandbox is not a directory");
        assertThat(files.done).containsExactly("unpack /d", "unpack /d", "mkdir /new 755", "unpack /new", "unpack /d");
    }
}
