package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.IoLimits;
import dev.cay.Isolation;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecCheckTest {
    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image("some").isolation(Isolation.MICROVM).memory(Size.mib(64));
    }

    private static void refused(SandboxSpec.Builder spec, String message) {
        assertThatThrownBy(() -> SpecCheck.check(spec.build()))
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining(message);
    }

    @Test
    void whatHoldsForAVmmIsNotRefused() {
        IoLimits io =
                new IoLimits(OptionalLong.of(1), OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty());
        assertThatCode(() -> SpecCheck.check(
                        spec().cpus(0.1).cpuWeight(10_000).io(io).build()))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({"0.1, 1", "1, 1", "1.01, 2", "2, 2", "63.5, 64"})
    void thereAreAsManyProcessorsAsItTakes(double cpus, int processors) {
        assertThat(GuestSize.processors(spec().cpus(cpus).build())).isEqualTo(processors);
        assertThat(GuestSize.processors(spec().build())).isEqualTo(1);
    }

    @Test
    void processorsThatNobodyHasAreRefused() {
        refused(spec().cpus(0.09), "does not come up in time");
        refused(spec().cpus(8192), "a microVM of 8192 processors");
    }

    @Test
    void lessMemoryThanAKernelNeedsIsRefused() {
        refused(spec().memory(Size.mib(63)), "does not come up");
    }
}
