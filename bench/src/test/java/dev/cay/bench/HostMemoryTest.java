package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HostMemoryTest {
    private static final String MEMINFO = """
            MemTotal:       1000 kB
            MemFree:         400 kB
            MemAvailable:    600 kB
            Buffers:          10 kB
            Cached:          200 kB
            SwapCached:        5 kB
            AnonPages:       150 kB
            Shmem:            40 kB
            HugePages_Total:       0
            """;

    @Test
    void readsFieldsInKib() {
        assertThat(HostMemory.fields(MEMINFO)).containsEntry("MemFree", 400L).doesNotContainKey("HugePages_Total");
        assertThat(HostMemory.fields("55d-7ff ---p 00000000 00:00 0   [rollup]\nPss_Anon:        12 kB\n"))
                .containsOnlyKeys("Pss_Anon");
        assertThat(HostMemory.fields("")).isEmpty();
    }

    @Test
    void theKernelHasWhatNobodyElseHas() {
        assertThat(HostMemory.kernel(HostMemory.fields(MEMINFO))).isEqualTo(1000 - 400 - 10 - 200 - 5 - 150);
    }

    @Test
    void aDifferenceIsThatOfEachPart() {
        HostMemory grown = new HostMemory(150, 30, 12, 5).minus(new HostMemory(100, 0, 10, 10));

        assertThat(grown).isEqualTo(new HostMemory(50, 30, 2, -5));
        assertThat(grown.total()).isEqualTo(77);
    }
}
