package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {
    @ParameterizedTest
    @CsvSource({
        "10s, PT10S",
        "10, PT10S",
        "0.5, PT0.5S",
        "2.25s, PT2.25S",
        "500ms, PT0.5S",
        "1.5ms, PT0.0015S",
        "2m, PT2M",
        "1.5m, PT90S",
        "1h, PT1H",
        "0.25h, PT15M",
        "0, PT0S",
        "007, PT7S",
        "0.000001, PT0.000001S",
        "1.000001h, PT1H0.0036S",
        "8760h, PT8760H",
    })
    void readsDurations(String text, Duration duration) {
        assertThat(Durations.parse(text)).isEqualTo(duration);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "s",
                "ms",
                ".5",
                "1.",
                "1.s",
                "1..5",
                "-1",
                "+1",
                "1 s",
                "1S",
                "1sec",
                "1d",
                "1m30s",
                "1e3",
                "0x1",
                "NaN",
                "1.0000001",
                "\u0661s",
                "1s ",
                "1\u0000",
            })
    void refusesEverythingElse(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Durations.parse(text))
                .withMessage("'" + text + "' is not a duration");
    }

    @ParameterizedTest
    @ValueSource(strings = {"9223372036.9", "9223372037", "2562048h", "99999999999999999999", "9223372036854775808ms"})
    void refusesWhatNoDurationCanHold(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Durations.parse(text))
                .withMessageContaining("longer than any duration");
    }

    @ParameterizedTest
    @CsvSource({
        "PT10S, 10s",
        "PT0.5S, 500ms",
        "PT2M, 2m",
        "PT90S, 90s",
        "PT1H, 1h",
        "PT0S, 0s",
        "PT0.000001S, 0.001000ms"
    })
    void writesTheLargestUnitWithoutFraction(Duration duration, String text) {
        assertThat(Durations.text(duration)).isEqualTo(text);
    }

    @Test
    void readsBackWhatItWrites() {
        Random random = new Random(25);
        for (int i = 0; i < 5_000; i++) {
            Duration duration = Duration.ofNanos(random.nextLong() >>> (1 + random.nextInt(62)));

            assertThat(Durations.parse(Durations.text(duration)))
                    .as("%s", duration)
                    .isEqualTo(duration);
        }
    }
}
