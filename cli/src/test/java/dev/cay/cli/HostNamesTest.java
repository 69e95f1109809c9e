package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostNamesTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {"a", "/", "/a/b", "../a", "./\u00fc", "../\u00fc/..", "/\u00fc/%41", "a b\u00fc", "\u00fc", "%"})
    void pathsAreTheirBytes(String text) {
        assertThat(new String(HostNames.bytes(HostNames.path(text)), StandardCharsets.UTF_8))
                .isEqualTo(text);
        assertThat(HostNames.path(text).isAbsolute()).isEqualTo(text.startsWith("/"));
    }

    @Test
    void anyBytesAreAName() throws IOException {
        long seed = 5;
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            byte[] name = new byte[1 + random.nextInt(40)];
            for (int k = 0; k < name.length; k++) {
                byte one = (byte) random.nextInt(256);
                name[k] = one == 0 || one == '/' || one == '.' ? (byte) 0xFF : one;
            }
            Path file = Files.createFile(folder.resolve(HostNames.path(name)));
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                assertThat(HostNames.name(files.iterator().next()))
                        .as("seed %d, %d", seed, i)
                        .isEqualTo(name);
            }
            Files.delete(file);
        }
    }
}
