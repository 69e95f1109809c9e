package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
    @TempDir
    private Path directory;

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void hasWhatWasAskedFor() throws IOException {
        Corpus corpus = Corpus.make(directory.resolve("corpus"), 1_500_000, 25, 10);

        assertThat(corpus.large()).hasSize(1_500_000);
        assertThat(files(corpus.small()))
                .hasSize(25)
                .allSatisfy(file -> assertThat(Files.size(file)).isBetween(1024L, 4096L));
        assertThat(corpus.small().toFile().list()).hasSize(10);
        assertThat(Corpus.bytesIn(corpus.small())).isEqualTo(corpus.smallBytes());
        assertThat(Corpus.bytesIn(corpus.large())).isEqualTo(1_500_000);
    }

    @Test
    void isTheSameEveryTime() throws IOException {
        Corpus one = Corpus.make(directory.resolve("one"), 1000, 3, 2);
        Corpus other = Corpus.make(directory.resolve("other"), 1000, 3, 2);

        assertThat(other.smallBytes()).isEqualTo(one.smallBytes());
        assertThat(other.large()).hasSameBinaryContentAs(one.large());
    }

    @Test
    void linksAreNotCounted() throws IOException {
        Path file =
                Files.write(Files.createDirectory(directory.resolve("files")).resolve("a"), new byte[7]);
        Files.createSymbolicLink(file.resolveSibling("b"), file);

        assertThat(Corpus.bytesIn(file.getParent())).isEqualTo(7);
    }
}
