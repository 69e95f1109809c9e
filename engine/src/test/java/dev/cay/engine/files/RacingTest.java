package dev.cay.engine.files;

import static dev.cay.engine.files.FilesFixture.pathOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxException.FileFailed;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Somebody exchanges a directory for a link to outside, and back, all the time. */
class RacingTest {
    private static final int ROUNDS = 1000;

    @TempDir
    private Path folder;

    private final AtomicBoolean done = new AtomicBoolean();
    private Path root;
    private Path outside;
    private FilesFixture box;
    private Thread attacker;
    private int succeeded;
    private int failed;

    @BeforeEach
    void start() throws IOException {
        root = Files.createDirectory(folder.resolve("root"));
        outside = Files.createDirectory(folder.resolve("outside"));
        Files.createDirectories(outside.resolve("deeper"));
        Files.writeString(outside.resolve("file"), "secret");
        Files.writeString(outside.resolve("deeper/file"), "secret");
        Files.createDirectories(root.resolve("real/deeper"));
        Files.createSymbolicLink(root.resolve("link"), outside);
        box = new FilesFixture(root);
        attacker = Thread.ofPlatform().start(this::exchange);
    }

    private void exchange() {
        while (!done.get()) {
            move("real", "victim");
            move("victim", "real");
            move("link", "victim");
            move("victim", "link");
        }
    }

    private void move(String from, String to) {
        if (!root.resolve(from).toFile().renameTo(root.resolve(to).toFile())) {
            Thread.onSpinWait(); // the other side has removed it
        }
    }

    @AfterEach
    void stop() throws IOException, InterruptedException {
        done.set(true);
        attacker.join();
        assertThat(succeeded + failed).isEqualTo(ROUNDS);
        assertThat(box.names(outside)).containsExactly("deeper", "file");
        assertThat(box.names(outside.resolve("deeper"))).containsExactly("file");
        assertThat(Files.readString(outside.resolve("file"))).isEqualTo("secret");
        assertThat(Files.readString(outside.resolve("deeper/file"))).isEqualTo("secret");
        assertThat(Files.getPosixFilePermissions(outside.resolve("deeper"))).isNotEmpty();
        box.close();
    }

    private void rounds(Runnable operation) {
        for (int i = 0; i < ROUNDS; i++) {
            try {
                operation.run();
                succeeded++;
            } catch (FileFailed _) {
                failed++;
            }
        }
    }

    @Test
    void writing() {
        rounds(() -> box.files()
                .write(
                        pathOf("victim/file"),
                        new ByteArrayInputStream("x".getBytes(StandardCharsets.UTF_8)),
                        new dev.cay.WriteOptions(
                                0644,
                                FilesFixture.mine(0).user(),
                                FilesFixture.mine(0).group(),
                                false)));
    }

    @Test
    void reading() {
        rounds(() -> {
            box.write("real/file", "public");
            assertThat(box.read("victim/file")).isEqualTo("public");
        });
    }

    @Test
    void making() {
        rounds(() -> box.files().makeDirectory(pathOf("victim/deeper/" + succeeded), 0777, false));
    }

    @Test
    void removing() throws IOException {
        rounds(() -> {
            try {
                Files.createDirectories(root.resolve("real/deeper/deeper"));
                Files.writeString(root.resolve("real/deeper/file"), "x");
            } catch (IOException _) {
                // It is under its other name just now.
            }
            try {
                box.files().remove(pathOf("victim"), true);
            } finally {
                restore();
            }
        });
    }

    /** What was unpacked while there was nothing would be in the way from then on. */
    private void makeRoom() {
        try {
            box.files().remove(pathOf("victim"), true);
        } catch (FileFailed _) {
            // It is under its other name just now.
        }
        restore();
    }

    /** The link may have been what was removed. */
    private void restore() {
        try {
            if (!FilesFixture.exists(root.resolve("link")) && !FilesFixture.exists(root.resolve("victim"))) {
                Files.createSymbolicLink(root.resolve("link"), outside);
            }
        } catch (IOException _) {
            // It was back already.
        }
    }

    @Test
    void listing() {
        rounds(() ->
                assertThat(box.list("victim")).noneMatch(info -> info.name().equals(pathOf("file"))));
    }

    @Test
    void unpacking() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(bytes);
        for (String name : new String[] {"victim/", "victim/deeper/", "victim/file", "victim/deeper/file"}) {
            boolean directory = name.endsWith("/");
            tar.add(
                    new TarEntry(
                            ByteString.of(name),
                            directory ? new TarEntry.Kind.Directory() : new TarEntry.Kind.File(1),
                            0777,
                            FilesFixture.user(),
                            FilesFixture.group(),
                            Instant.EPOCH,
                            Map.of()),
                    new ByteArrayInputStream(new byte[directory ? 0 : 1]));
        }
        tar.finish();
        rounds(() -> {
            try {
                box.files().unpack(pathOf("/"), new ByteArrayInputStream(bytes.toByteArray()));
            } finally {
                makeRoom();
            }
        });
    }

    @Test
    void packing() {
        rounds(() -> {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            box.files().pack(pathOf("victim"), bytes);
            assertThat(bytes.toString(StandardCharsets.ISO_8859_1)).doesNotContain("secret");
        });
    }
}
