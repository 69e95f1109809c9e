package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class IdRangesTest {
    private static final int FIRST = 0x7000_0000;
    private static final int SIZE = 65_536;
    private static final int RANGES = 48 * 64;

    @TempDir
    private Path place;

    private long blocksClaimed() throws IOException {
        try (var files = Files.list(place.resolve("ranges"))) {
            return files.count();
        }
    }

    @Test
    void rangesDoNotOverlapAndAreOurs() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            Set<Integer> firsts = new HashSet<>();
            for (int i = 0; i < RANGES; i++) {
                int first = ranges.take().first();
                assertThat(first).isGreaterThanOrEqualTo(FIRST);
                assertThat((long) first + SIZE - 1).isLessThanOrEqualTo(0x7fff_ffffL);
                assertThat((first - FIRST) % SIZE).isZero();
                assertThat(firsts.add(first)).isTrue();
            }
            assertThatThrownBy(ranges::take).isInstanceOf(IOException.class).hasMessageContaining("3072 ranges");
        }
    }

    @Test
    void aRangeThatIsGivenBackIsUsedAgain() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            for (int i = 0; i < 3 * RANGES; i++) {
                ranges.take().close();
            }
            assertThat(blocksClaimed()).isEqualTo(1);
        }
    }

    @Test
    void aRangeIsGivenBackOnce() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            IdRanges.Range first = ranges.take();
            first.close();
            IdRanges.Range second = ranges.take();
            assertThat(second.first()).isEqualTo(first.first());

            first.close();

            assertThat(ranges.take().first()).isNotEqualTo(second.first());
        }
    }

    @Test
    void enginesDoNotShareRanges() throws IOException {
        try (StateDirectory one = StateDirectory.open(place);
                StateDirectory other = StateDirectory.open(place)) {
            IdRanges.Range ofOne = new IdRanges(one).take();
            IdRanges ranges = new IdRanges(other);

            assertThat(ranges.take().first()).isNotEqualTo(ofOne.first());
            assertThatThrownBy(() -> ranges.take(ofOne.first()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("in use by another sandbox");
        }
    }

    @Test
    void theRangeOfFilesIsTakenAgain() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            long first = FIRST + 100L * SIZE;

            IdRanges.Range range = ranges.take(first);
            assertThat(range.first()).isEqualTo((int) first);
            assertThatThrownBy(() -> ranges.take(first)).hasMessageContaining("in use by another sandbox");
            range.close();
            assertThat(ranges.take(first).first()).isEqualTo((int) first);
            assertThat(ranges.take(0x7fff_0000L).first()).isEqualTo(0x7fff_0000);
        }
    }

    @Test
    void idsOfOthersAreNeverTaken() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            for (long foreign : new long[] {
                0,
                1000,
                SIZE,
                FIRST - SIZE,
                FIRST - 1,
                FIRST + 1,
                FIRST + SIZE - 1,
                0x8000_0000L,
                0xffff_0000L,
                0xffff_ffffL,
                0x1_7000_0000L,
                -1,
                Long.MIN_VALUE,
                Long.MAX_VALUE
            }) {
                assertThatThrownBy(() -> ranges.take(foreign))
                        .as("%x", foreign)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("does not begin a range of ours");
            }
            assertThat(blocksClaimed()).isZero();
        }
    }

    /** So nobody in the sandbox can be, or become, who runs its first process. */
    @Test
    void theFirstProcessRunsAsTheOneIdThatIsNotMapped() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            IdRanges.Range range = ranges.take();

            assertThat(IdRanges.MAPPED_IDS).isEqualTo(SIZE - 1);
            assertThat(range.stubId()).isEqualTo(range.first() + SIZE - 1);
            assertThat(ranges.take().first())
                    .as("the next one's begin behind it")
                    .isGreaterThan(range.stubId());
        }
    }

    @Test
    void theHostsOwnIdsNeedNoRange() {
        IdRanges.Range host = IdRanges.hostIds();
        assertThat(host.first()).isZero();
        assertThat(host.stubId())
                .as("root, as there is no id that nobody could have")
                .isZero();
        host.close();
        host.close();
    }

    @Test
    void noTwoThreadsGetTheSameRange() throws Exception {
        Set<Integer> inUse = ConcurrentHashMap.newKeySet();
        List<Future<Void>> workers = new ArrayList<>();
        try (StateDirectory state = StateDirectory.open(place)) {
            IdRanges ranges = new IdRanges(state);
            try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
                for (int i = 0; i < 8; i++) {
                    workers.add(threads.submit(() -> {
                        for (int round = 0; round < 500; round++) {
                            try (IdRanges.Range range = ranges.take()) {
                                assertThat(inUse.add(range.first())).isTrue();
                                inUse.remove(range.first());
                            }
                        }
                        return null;
                    }));
                }
            }
            for (Future<Void> worker : workers) {
                worker.get();
            }
        }
    }
}
