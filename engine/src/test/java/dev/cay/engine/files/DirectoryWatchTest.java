package dev.cay.engine.files;

import static dev.cay.engine.files.FilesFixture.pathOf;
import static dev.cay.engine.files.FilesFixture.refuses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.FileEvent;
import dev.cay.FileWatch;
import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryWatchTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    @TempDir
    private Path folder;

    private Path root;
    private FilesFixture box;
    private long descriptors;

    @BeforeEach
    void open() throws IOException {
        root = Files.createDirectory(folder.resolve("root"));
        Files.createDirectories(root.resolve("w/sub"));
        Files.createDirectories(root.resolve("elsewhere/tree/leaf"));
        box = new FilesFixture(root);
        descriptors = FilesFixture.descriptors();
    }

    @AfterEach
    void close() {
        assertThat(FilesFixture.descriptors()).isEqualTo(descriptors);
        box.close();
    }

    private static String text(FileEvent event) {
        return event.kind() + " " + event.path()
                + event.renamedTo().map(to -> " " + to).orElse("");
    }

    /** All events until this one. */
    private static List<String> until(FileWatch watch, String last) {
        List<String> all = new ArrayList<>();
        while (!all.contains(last)) {
            List<FileEvent> events = watch.next(LONG);
            assertThat(events).as("after " + all).isNotEmpty();
            events.forEach(event -> all.add(text(event)));
        }
        return all;
    }

    @Test
    void tellsWhatHappens() throws IOException {
        try (FileWatch watch = box.files().watch(pathOf("w"), false)) {
            assertThat(watch.next(Duration.ZERO)).isEmpty();
            Files.writeString(root.resolve("w/file"), "1");
            Files.writeString(root.resolve("w/sub/unseen"), "1");
            Files.move(root.resolve("w/file"), root.resolve("w/renamed"));
            Files.delete(root.resolve("w/renamed"));
            Files.move(root.resolve("w/sub"), root.resolve("out"));
            Files.createFile(root.resolve("w/end"));
            assertThat(until(watch, "CREATED end"))
                    .containsExactly(
                            "CREATED file",
                            "CHANGED file",
                            "RENAMED file renamed",
                            "REMOVED renamed",
                            "REMOVED sub",
                            "CREATED end");
        }
    }

    @Test
    void watchesWhatAppears() throws IOException {
        try (FileWatch watch = box.files().watch(pathOf("w"), true)) {
            Files.createFile(root.resolve("w/sub/seen"));
            until(watch, "CREATED sub/seen");
            Files.createFile(root.resolve("elsewhere/tree/leaf/file"));
            Files.move(root.resolve("elsewhere/tree"), root.resolve("w/tree"));
            assertThat(until(watch, "CREATED tree/leaf/file")).contains("CREATED tree", "CREATED tree/leaf");
            Files.createFile(root.resolve("w/tree/leaf/new"));
            until(watch, "CREATED tree/leaf/new");
            Files.move(root.resolve("w/tree"), root.resolve("w/sub/moved"));
            assertThat(until(watch, "RENAMED tree sub/moved")).hasSize(1);
            Files.createFile(root.resolve("w/sub/moved/leaf/newer"));
            until(watch, "CREATED sub/moved/leaf/newer");
            Files.move(root.resolve("w/sub/moved"), root.resolve("gone"));
            until(watch, "REMOVED sub/moved");
            Files.createFile(root.resolve("gone/leaf/unseen"));
            Files.createFile(root.resolve("w/end"));
            assertThat(until(watch, "CREATED end")).containsExactly("CREATED end");
        }
    }

    @Test
    void nothingThatAppearsIsMissedOrToldTwice() throws IOException {
        try (FileWatch watch = box.files().watch(pathOf("w"), true)) {
            CompletableFuture<Void> making = CompletableFuture.runAsync(() -> {
                try {
                    for (int i = 0; i < 50; i++) {
                        Files.createDirectories(root.resolve("w/n" + i + "/a/b"));
                        Files.createFile(root.resolve("w/n" + i + "/a/b/file"));
                    }
                    Files.createFile(root.resolve("w/end"));
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            List<String> seen = new ArrayList<>(until(watch, "CREATED end"));
            making.join();
            for (int i = 0; i < 50; i++) {
                assertThat(seen)
                        .containsOnlyOnce(
                                "CREATED n" + i,
                                "CREATED n" + i + "/a",
                                "CREATED n" + i + "/a/b",
                                "CREATED n" + i + "/a/b/file");
            }
        }
    }

    @Test
    void tellsThatItLostSomething() throws IOException {
        try (FileWatch watch = box.files().watch(pathOf("w"), true)) {
            for (int i = 0; i < 16_384; i++) { // as many events are twice what the kernel keeps by default
                Files.createFile(root.resolve("w/f"));
                Files.delete(root.resolve("w/f"));
            }
            Files.createDirectory(root.resolve("w/late"));
            until(watch, "RESCAN .");
            Files.createFile(root.resolve("w/late/file"));
            assertThat(until(watch, "CREATED late/file")).hasSize(1);
        }
    }

    @Test
    void closingWakes() throws Exception {
        FileWatch watch = box.files().watch(pathOf("w"), true);
        CompletableFuture<Object> waiting = new CompletableFuture<>();
        Thread waiter = Thread.ofPlatform().start(() -> {
            try {
                waiting.complete(watch.next(LONG));
            } catch (RuntimeException e) {
                waiting.complete(e);
            }
        });
        watch.close();
        watch.close();
        waiter.join();
        assertThat(waiting.get()).isInstanceOf(SandboxException.Closed.class);
        assertThatThrownBy(() -> watch.next(LONG)).isInstanceOf(SandboxException.Closed.class);
    }

    @Test
    void aDirectoryThatIsGoneIsTold() throws IOException {
        try (FileWatch watch = box.files().watch(pathOf("elsewhere/tree/leaf"), false)) {
            Files.delete(root.resolve("elsewhere/tree/leaf"));
            refuses("ENOENT", () -> watch.next(LONG));
        }
        refuses("ENOENT", () -> box.files().watch(pathOf("none"), true));
        Files.createFile(root.resolve("file"));
        refuses("ENOTDIR", () -> box.files().watch(pathOf("file"), true));
    }

    @Test
    void linksAreNotFollowed() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        try (FileWatch watch = box.files().watch(pathOf("w"), true)) {
            Files.createSymbolicLink(root.resolve("w/link"), outside);
            until(watch, "CREATED link");
            Files.createFile(outside.resolve("unseen"));
            Files.createFile(root.resolve("w/end"));
            assertThat(until(watch, "CREATED end")).containsExactly("CREATED end");
        }
    }
}
