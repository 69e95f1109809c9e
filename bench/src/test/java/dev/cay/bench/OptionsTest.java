package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptionsTest {
    private static Options parse(String line) {
        return Options.parse(List.of(line.split(" ")));
    }

    @Test
    void readsWhatIsAskedFor() {
        Options options = parse("start --n 30 --warmup 0 --only ours,crun");

        assertThat(options.bench()).isEqualTo("start");
        assertThat(options.n()).isEqualTo(OptionalInt.of(30));
        assertThat(options.warmup()).isEqualTo(OptionalInt.of(0));
        assertThat(options.wants("crun")).isTrue();
        assertThat(options.wants("runc")).isFalse();
        assertThat(parse("io").wants("anything")).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"start --n", "start --n 0", "start --n x", "start --n 9999999", "start --frobnicate 1"})
    void refusesNonsense(String line) {
        assertThatThrownBy(() -> parse(line)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void namesTheCasesWhenOneDoesNotExist() {
        Options options = parse("start --only podman");

        assertThatThrownBy(() -> options.check(List.of("ours", "crun"))).hasMessageContaining("ours, crun");
    }
}
