package dev.cay.it;

import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.WriteOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of a sandbox, of whatever names and kinds they are. */
interface FilesContract extends SandboxContract {
    static String text(SandboxFiles files, String path) throws IOException {
        try (InputStream in = files.read(path)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    default void readAndWritten(boolean detached) throws IOException {
        Sandbox sandbox = sandbox(detached);
        SandboxFiles files = sandbox.files();
        byte[] content = new byte[1_000_000];
        new Random(3).nextBytes(content);
        files.write("/tmp/a/b/c.bin", content);
        assertThat(sandbox.exec("sh", "-c", "wc -c < /tmp/a/b/c.bin").stdout().strip())
                .isEqualTo("1000000");
        try (InputStream in = files.read("/tmp/a/b/c.bin")) {
            assertThat(in.readAllBytes()).isEqualTo(content);
        }
        FileInfo info = files.stat(FilePath.of("/tmp/a/b/c.bin"), true);
        assertThat(info.kind()).isEqualTo(FileKind.FILE);
        assertThat(info.size()).isEqualTo(content.length);
        assertThat(info.user()).isZero();
        files.move(FilePath.of("/tmp/a/b/c.bin"), FilePath.of("/tmp/a/moved"));
        assertThat(sh(sandbox, "find /tmp/a | sort")).isEqualTo("/tmp/a\n/tmp/a/b\n/tmp/a/moved");
        files.remove(FilePath.of("/tmp/a"), true);
        assertThatThrownBy(() -> files.stat(FilePath.of("/tmp/a"), true))
                .isInstanceOf(SandboxException.FileFailed.class);
    }

    /** What is no regular file is refused at once, and never waited for. */
    @Test
    default void nothingIsWaitedFor() {
        Sandbox sandbox = sandbox(false);
        sh(
                sandbox,
                "mkdir /tmp/odd; cd /tmp/odd; mkfifo fifo; ln -s fifo link; ln -s /dev/zero zero; ln -s /dev/tty tty; "
                        + "ln -s /proc/kmsg kmsg");
        SandboxFiles files = sandbox.files();
        for (String name : new String[] {"fifo", "link", "zero", "tty", ".", "/dev/null"}) {
            assertThatThrownBy(() -> text(files, name.startsWith("/") ? name : "/tmp/odd/" + name))
                    .as(name)
                    .isInstanceOf(SandboxException.FileFailed.class);
        }
        assertThat(files.stat(FilePath.of("/tmp/odd/fifo"), true).kind()).isEqualTo(FileKind.FIFO);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        files.pack(FilePath.of("/tmp/odd"), packed);
        assertThat(packed.size()).isPositive();
        sh(sandbox, "rm -r /tmp/odd");
    }

    /** Names are bytes: new lines, control characters, what is not UTF-8, leading dashes. */
    @Test
    default void namesOfAllKinds() throws IOException {
        Sandbox sandbox = sandbox(false);
        SandboxFiles files = sandbox.files();
        Random random = new Random(5);
        Set<FilePath> names = new HashSet<>();
        names.add(FilePath.of("new\nline"));
        names.add(FilePath.of("-rf"));
        names.add(FilePath.of("..."));
        names.add(FilePath.of(" "));
        names.add(FilePath.of(new byte[] {(byte) 0xff, (byte) 0xfe, 1, 27}));
        while (names.size() < 30) {
            byte[] name = new byte[1 + random.nextInt(200)];
            random.nextBytes(name);
            for (int i = 0; i < name.length; i++) {
                name[i] = name[i] == 0 || name[i] == '/' ? (byte) 'x' : name[i];
            }
            names.add(FilePath.of(name));
        }
        FilePath directory = FilePath.of("/tmp/names");
        for (FilePath name : names) {
            files.write(directory.resolve(name), new ByteArrayInputStream(name.bytes()), WriteOptions.STANDARD);
        }
        Set<FilePath> listed = new HashSet<>();
        try (SandboxFiles.Listing listing = files.list(directory)) {
            listing.forEachRemaining(info -> listed.add(info.name()));
        }
        assertThat(listed).isEqualTo(names);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        files.pack(directory, packed);
        files.unpack(FilePath.of("/tmp"), new ByteArrayInputStream(bytes("")));
        files.makeDirectory(FilePath.of("/tmp/again"), 0755, true);
        files.unpack(FilePath.of("/tmp/again"), new ByteArrayInputStream(packed.toByteArray()));
        for (FilePath name : names) {
            FilePath copy = FilePath.of("/tmp/again/names").resolve(name);
            try (InputStream in = files.read(copy, 0, Long.MAX_VALUE)) {
                assertThat(in.readAllBytes()).isEqualTo(name.bytes());
            }
        }
        assertThat(sh(sandbox, "diff -r /tmp/names /tmp/again/names && rm -r /tmp/names /tmp/again && echo same"))
                .isEqualTo("same");
    }
}
