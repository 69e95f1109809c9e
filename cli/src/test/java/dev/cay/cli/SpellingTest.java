package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpellingTest {
    @ParameterizedTest
    @CsvSource({
        "run, run, 0",
        "rnu, run, 1",
        "ru, run, 1",
        "runn, run, 1",
        "fun, run, 1",
        "help, run, 4",
        "'', run, 3",
        "run, '', 3",
        "memroy, memory, 1",
        "timeuot, timeout, 1",
        "abcd, badc, 2",
    })
    void countsChanges(String from, String to, int distance) {
        assertThat(Spelling.distance(from, to)).isEqualTo(distance);
        assertThat(Spelling.distance(to, from)).isEqualTo(distance);
    }

    @Test
    void guessesOnlyWhatIsClose() {
        List<String> known = List.of("run", "version", "help");

        assertThat(Spelling.closest("rum", known)).contains("run");
        assertThat(Spelling.closest("verison", known)).contains("version");
        assertThat(Spelling.closest("python", known)).isEmpty();
        assertThat(Spelling.closest("x", known)).isEmpty();
        assertThat(Spelling.closest("run", List.of())).isEmpty();
    }
}
