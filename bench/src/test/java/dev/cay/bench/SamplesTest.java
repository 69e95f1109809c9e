package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SamplesTest {
    @Test
    void percentilesAreValuesThatOccurred() {
        Samples samples = Samples.ofNanoseconds(List.of(50_000L, 20_000L, 15_000L, 40_000L, 35_000L));

        assertThat(samples.count()).isEqualTo(5);
        assertThat(samples.percentile(5)).isEqualTo(15);
        assertThat(samples.percentile(30)).isEqualTo(20);
        assertThat(samples.percentile(40)).isEqualTo(20);
        assertThat(samples.median()).isEqualTo(35);
        assertThat(samples.percentile(100)).isEqualTo(50);
    }

    @Test
    void aHundredValuesAreTheirOwnPercentiles() {
        Samples samples = Samples.ofNanoseconds(
                LongStream.rangeClosed(1, 100).mapToObj(i -> i * 1000).toList());

        for (int percent = 1; percent <= 100; percent++) {
            assertThat(samples.percentile(percent)).isEqualTo(percent);
        }
    }

    @Test
    void oneValueIsEveryPercentile() {
        Samples samples = Samples.ofNanoseconds(List.of(1_234L));

        assertThat(samples.percentile(1)).isEqualTo(1.234);
        assertThat(samples.median()).isEqualTo(1.234);
        assertThat(samples.percentile(90)).isEqualTo(1.234);
    }

    @Test
    void ofNothingThereIsNoPercentile() {
        assertThatThrownBy(() -> Samples.ofNanoseconds(List.of())).hasMessage("no samples");
        assertThatThrownBy(() -> Samples.ofNanoseconds(List.of(1L)).percentile(0))
                .hasMessageContaining("1 to 100");
        assertThatThrownBy(() -> Samples.ofNanoseconds(List.of(1L)).percentile(101))
                .hasMessageContaining("1 to 100");
    }
}
