package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DirectoriesTest {
    @TempDir
    private Path temporary;

    /** Its whole path would be longer than the kernel takes. */
    @Test
    void anythingDeepIsDeleted() throws IOException {
        Path root = Files.createDirectory(temporary.resolve("root"));
        String name = "x".repeat(200);
        Path inner = Files.createDirectory(temporary.resolve("inner"));
        for (int i = 0; i < 100; i++) {
            Path outer = Files.createDirectory(temporary.resolve("outer"));
            Files.createFile(outer.resolve("file"));
            Files.move(inner, outer.resolve(name));
            Files.move(outer, inner);
        }
        Files.move(inner, root.resolve("a"));
        Files.createDirectories(root.resolve("b/" + "c/".repeat(30)));
        Directories.delete(root);
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void noLinkIsFollowed() throws IOException {
        Path kept = Files.createDirectory(temporary.resolve("kept"));
        Files.createFile(kept.resolve("file"));
        Path root = Files.createDirectory(temporary.resolve("root"));
        Files.createSymbolicLink(root.resolve("link"), kept);
        Files.createSymbolicLink(root.resolve("dangling"), Path.of("nowhere"));
        Directories.delete(root);
        Directories.delete(root);
        assertThat(root).doesNotExist();
        assertThat(kept.resolve("file")).exists();
        Path link = Files.createSymbolicLink(temporary.resolve("link"), kept);
        Directories.delete(link);
        assertThat(kept.resolve("file")).exists();
    }
}
