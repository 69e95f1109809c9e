package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class TimestampCounterTest {
    private static void sample(ByteBuffer samples, long before, long nanoseconds, long after) {
        samples.putLong(before).putLong(nanoseconds / 1_000_000_000).putLong(nanoseconds % 1_000_000_000);
        samples.putLong(after);
    }

    /** Of each burst the one counts that nothing interrupted. */
    @Test
    void theQuickestSamplesCount() {
        ByteBuffer samples = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);
        for (int burst = 0; burst < 2; burst++) {
            long start = burst * 100_000_000L + 999_999_000;
            for (int i = 0; i < 8; i++) {
                long delay = i == 5 ? 100 : 5_000_000;
                sample(samples, 2 * start, start + 50, 2 * (start + delay));
            }
        }
        assertThat(TimestampCounter.kilohertz(samples)).isEqualTo(2_000_000);
    }

    @Test
    void aMeasurementIsRepeatable() throws SyscallException {
        if (Native.ARCHITECTURE == Architecture.X86_64) {
            try (HostKernel kernel = new HostKernel()) {
                long first = TimestampCounter.kilohertz(kernel);
                assertThat(first).isBetween(100_000L, 20_000_000L);
                assertThat(TimestampCounter.kilohertz(kernel)).isBetween(first - first / 100, first + first / 100);
            }
        }
    }
}
