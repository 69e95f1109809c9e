package dev.cay;

import static dev.cay.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

final class FilePathTest {
    @Test
    void aPathIsItsBytes() {
        byte[] bytes = {'/', (byte) 0xff, '\n', 'a'};
        FilePath path = FilePath.of(bytes);
        bytes[0] = 'x';
        path.bytes()[0] = 'y';

        assertThat(path.bytes()).containsExactly('/', 0xff, '\n', 'a');
        assertThat(path)
                .isEqualTo(FilePath.of(new byte[] {'/', (byte) 0xff, '\n', 'a'}))
                .hasSameHashCodeAs(FilePath.of(path.bytes()));
        assertThat(path).isNotEqualTo(FilePath.of("/a"));
        assertThat(FilePath.of("/\u00e4")).hasToString("/\u00e4");
        assertThat(path).hasToString("/\ufffd\na");
    }

    @Test
    void namesAreResolvedInADirectory() {
        assertThat(FilePath.of("/a").resolve(FilePath.of("b"))).isEqualTo(FilePath.of("/a/b"));
    }

    @Test
    void whatNoFileCanBeCalledIsRefused() {
        refused(() -> FilePath.of(""));
        refused(() -> FilePath.of("a\0b"));
        refused(() -> FilePath.of("x".repeat(4096)));
        assertThat(FilePath.of("x".repeat(4095)).bytes()).hasSize(4095);
    }

    @Test
    void howAFileIsWrittenIsBounded() {
        assertThat(WriteOptions.STANDARD.mode()).isEqualTo(0644);
        refused(() -> new WriteOptions(010000, OptionalLong.empty(), OptionalLong.empty(), true));
        refused(() -> new WriteOptions(0644, OptionalLong.of(65_535), OptionalLong.empty(), true));
        refused(() -> new WriteOptions(0644, OptionalLong.empty(), OptionalLong.of(-1), true));
    }
}
