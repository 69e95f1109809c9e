package dev.cay.engine.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import dev.cay.engine.archive.TarException.Reason;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class EntryPathTest {
    @ParameterizedTest
    @CsvSource({
        "a, a",
        "a/b, a/b",
        "./a, a",
        "/a, a",
        "//a//b//, a/b",
        "a/./b/., a/b",
        "'', .",
        "., .",
        "./, .",
        "/, .",
        "..., ...",
        "..a/b.., ..a/b..",
        "' ', ' '",
        "\\, \\x5c"
    })
    void leadsDownwards(String name, String path) throws TarException {
        assertThat(EntryPath.of(ByteString.of(name))).hasToString(path);
    }

    @ParameterizedTest
    @ValueSource(strings = {"..", "../a", "a/..", "a/../b", "/..", "./../a", "a//..//b", "a\0", "\0", "a/\0/b"})
    void refused(String name) {
        assertRefused(name, Reason.BAD_NAME);
    }

    @Test
    void lengths() throws TarException {
        String component = "a".repeat(255);
        assertThat(EntryPath.of(ByteString.of(component)).components()).containsExactly(ByteString.of(component));
        assertRefused(component + "a", Reason.NAME_TOO_LONG);
        assertThat(EntryPath.of(ByteString.of("a/".repeat(512))).components()).hasSize(512);
        assertRefused("a/".repeat(513), Reason.NAME_TOO_LONG);
        assertThat(EntryPath.of(ByteString.of("/".repeat(4095))).isRoot()).isTrue();
        assertRefused("/".repeat(4096), Reason.NAME_TOO_LONG);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "a\0"})
    void whatIsNoComponentIsNone(String text) {
        assertThatThrownBy(() -> new EntryPath(List.of(ByteString.of(text))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void pathsAreValues() throws TarException {
        assertThat(EntryPath.of(ByteString.of("/a//b"))).isEqualTo(EntryPath.of(ByteString.of("./a/b/")));
    }

    @Test
    void neverUpwards() {
        Seeded.run(random -> {
            for (int i = 0; i < 20_000; i++) {
                StringBuilder name = new StringBuilder();
                for (int j = random.nextInt(12); j > 0; j--) {
                    name.append("a./".charAt(random.nextInt(3)));
                }
                boolean upwards = List.of(name.toString().split("/")).contains("..");
                try {
                    assertThat(EntryPath.of(ByteString.of(name.toString())).components())
                            .noneMatch(component -> component.isEmpty() || component.contains('/'));
                    assertThat(upwards).isFalse();
                } catch (TarException e) {
                    assertThat(upwards).isTrue();
                }
            }
        });
    }

    private static void assertRefused(String name, Reason reason) {
        assertThatThrownBy(() -> EntryPath.of(ByteString.of(name)))
                .isInstanceOfSatisfying(
                        TarException.class, e -> assertThat(e.reason()).isEqualTo(reason));
    }
}
