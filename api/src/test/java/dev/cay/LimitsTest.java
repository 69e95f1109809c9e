package dev.cay;

import static dev.cay.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class LimitsTest {
    private static final List<Function<OptionalLong, IoLimits>> IO_FIELDS = List.of(
            limit -> new IoLimits(limit, OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty()),
            limit -> new IoLimits(OptionalLong.empty(), limit, OptionalLong.empty(), OptionalLong.empty()),
            limit -> new IoLimits(OptionalLong.empty(), OptionalLong.empty(), limit, OptionalLong.empty()),
            limit -> new IoLimits(OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty(), limit));

    private static Limits memory(long bytes) {
        return SandboxSpec.host().memory(Size.bytes(bytes)).build().limits();
    }

    private static Limits pids(int count) {
        return SandboxSpec.host().pids(count).build().limits();
    }

    private static Limits cpus(double processors) {
        return SandboxSpec.host().cpus(processors).build().limits();
    }

    private static Limits cpuWeight(int weight) {
        return SandboxSpec.host().cpuWeight(weight).build().limits();
    }

    @Test
    void noLimitsLimitTheProcessesAllTheSame() {
        Limits none = Limits.none();

        assertThat(none.memory()).isEmpty();
        assertThat(none.pids()).isEqualTo(Limits.DEFAULT_PIDS);
        assertThat(none.cpus()).isEmpty();
        assertThat(none.cpuWeight()).isEmpty();
        assertThat(none.io().isNone()).isTrue();
    }

    @Test
    void memoryIsAtLeastWhatASandboxNeeds() {
        assertThat(memory(6 << 20).memory()).hasValue(Size.mib(6));
        assertThat(memory(Long.MAX_VALUE).memory()).hasValue(Size.bytes(Long.MAX_VALUE));
        refused(() -> memory((6 << 20) - 1));
        refused(() -> memory(0));
    }

    @Test
    void processesAreLimitedToWhatTheKernelCounts() {
        assertThat(pids(1).pids()).isEqualTo(1);
        assertThat(pids(4_194_304).pids()).isEqualTo(4_194_304);
        for (int bad : new int[] {0, -1, 4_194_305, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            refused(() -> pids(bad));
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.01, 0.5, 1, 8192})
    void processorTimeIsAtLeastAHundredth(double processors) {
        assertThat(cpus(processors).cpus()).hasValue(processors);
    }

    @ParameterizedTest
    @ValueSource(
            doubles = {
                0,
                -0.0,
                -1,
                0.009999,
                8192.0001,
                Double.MAX_VALUE,
                Double.MIN_VALUE,
                Double.NaN,
                Double.POSITIVE_INFINITY,
                Double.NEGATIVE_INFINITY
            })
    void processorTimeIsNothingElse(double processors) {
        refused(() -> cpus(processors));
    }

    @Test
    void aWeightIsWhatTheKernelTakes() {
        assertThat(cpuWeight(1).cpuWeight()).hasValue(1);
        assertThat(cpuWeight(10_000).cpuWeight()).hasValue(10_000);
        for (int bad : new int[] {0, -1, 10_001, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            refused(() -> cpuWeight(bad));
        }
    }

    @Test
    void eachThroughputIsAtLeastOne() {
        for (Function<OptionalLong, IoLimits> field : IO_FIELDS) {
            assertThat(field.apply(OptionalLong.of(1)).isNone()).isFalse();
            assertThat(field.apply(OptionalLong.of(Long.MAX_VALUE)).isNone()).isFalse();
            assertThat(field.apply(OptionalLong.empty())).isEqualTo(IoLimits.none());
            refused(() -> field.apply(OptionalLong.of(0)));
            refused(() -> field.apply(OptionalLong.of(-1)));
            refused(() -> field.apply(OptionalLong.of(Long.MIN_VALUE)));
        }
    }

    @Test
    void eachThroughputStandsInItsOwnField() {
        IoLimits limits = new IoLimits(OptionalLong.of(1), OptionalLong.of(2), OptionalLong.of(3), OptionalLong.of(4));

        assertThat(limits.readBytes()).hasValue(1);
        assertThat(limits.writeBytes()).hasValue(2);
        assertThat(limits.readOperations()).hasValue(3);
        assertThat(limits.writeOperations()).hasValue(4);
    }

    @Test
    void nothingIsNull() {
        Optional<Size> memory = Optional.empty();
        OptionalDouble cpus = OptionalDouble.empty();
        OptionalInt weight = OptionalInt.empty();
        IoLimits io = IoLimits.none();
        assertThatNullPointerException().isThrownBy(() -> new Limits(null, 1, cpus, weight, io));
        assertThatNullPointerException().isThrownBy(() -> new Limits(memory, 1, null, weight, io));
        assertThatNullPointerException().isThrownBy(() -> new Limits(memory, 1, cpus, null, io));
        assertThatNullPointerException().isThrownBy(() -> new Limits(memory, 1, cpus, weight, null));
        for (Function<OptionalLong, IoLimits> field : IO_FIELDS) {
            assertThatNullPointerException().isThrownBy(() -> field.apply(null));
        }
    }
}
