package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StateDirectoryTest {
    private static final String DEAD = "0123456789";

    @TempDir
    private Path temporary;

    private Path place;
    private final List<String> undone = new ArrayList<>();

    @BeforeEach
    void here() {
        place = temporary.resolve("cay");
    }

    private void undo(String engine, long deadline) {
        undone.add(engine);
    }

    private List<String> entries(String directory) throws IOException {
        try (var files = Files.list(place.resolve(directory))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** What an engine leaves that is killed. */
    private void die(String engine, int... ranges) throws IOException {
        Files.createFile(place.resolve("engines").resolve(engine));
        for (int range : ranges) {
            Files.createSymbolicLink(place.resolve("ranges").resolve(Integer.toString(range)), Path.of(engine));
        }
    }

    /** Whether this process holds a lock on an engine's file, as the kernel sees it. */
    private boolean isLocked(String engine) throws IOException {
        Object inode = Files.getAttribute(place.resolve("engines").resolve(engine), "unix:ino");
        return Files.readAllLines(Path.of("/proc/locks")).stream()
                .anyMatch(line ->
                        line.contains(" WRITE " + ProcessHandle.current().pid() + " ")
                                && line.contains(":" + inode + " "));
    }

    @Test
    void aLivingEngineIsEnteredAndLocked() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            assertThat(state.engine()).matches("[0-9a-f]{10}");
            assertThat(entries("engines")).containsExactly(state.engine());
            assertThat(isLocked(state.engine())).isTrue();
        }
    }

    @Test
    void nobodyElseMayLookInside() throws IOException {
        try (StateDirectory _ = StateDirectory.open(place)) {
            for (Path directory :
                    List.of(place, place.resolve("engines"), place.resolve("ranges"), place.resolve("mount"))) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
                        .isEqualTo("rwx------");
            }
        }
    }

    @Test
    void nothingRemainsOfAnEngineThatLeaves() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            state.claimRange(0);
            state.claimRange(63);
            assertThat(entries("ranges")).containsExactly("0", "63");
        }
        assertThat(entries("engines")).isEmpty();
        assertThat(entries("ranges")).isEmpty();
        assertThat(entries("")).containsExactly("engines", "mount", "ranges");
    }

    @Test
    void aRangeHasOneOwner() throws IOException {
        try (StateDirectory other = StateDirectory.open(place)) {
            try (StateDirectory one = StateDirectory.open(place)) {
                assertThat(one.engine()).isNotEqualTo(other.engine());
                assertThat(one.claimRange(5)).isTrue();
                assertThat(one.claimRange(5)).isFalse();
                assertThat(other.claimRange(5)).isFalse();
                assertThat(other.claimRange(6)).isTrue();
            }
            assertThat(other.claimRange(5)).isTrue();
        }
    }

    @Test
    void theNextEngineCleansUpAfterADeadOne() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            state.claimRange(1);
            die(DEAD, 2, 3);

            state.sweep(this::undo, false);

            assertThat(undone).containsExactly(DEAD);
            assertThat(entries("engines")).containsExactly(state.engine());
            assertThat(entries("ranges")).containsExactly("1");
        }
    }

    @Test
    void theNextEngineCleansUpAfterOneThatDiedOnItsWayIn() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            Files.createFile(place.resolve("engines").resolve(DEAD + ".new"));

            state.sweep(this::undo, false);

            assertThat(undone).isEmpty();
            assertThat(entries("engines")).containsExactly(state.engine());
            assertThat(entries("")).containsExactly("engines", "mount", "ranges");
        }
    }

    @Test
    void whatCouldNotBeUndoneIsTriedAgain() throws IOException {
        try (StateDirectory state = StateDirectory.open(place)) {
            die(DEAD, 2);

            List<Long> deadlines = new ArrayList<>();
            StateDirectory.Undo fails = (engine, deadline) -> {
                deadlines.add(deadline);
                throw new IOException("busy");
            };
            assertThat(state.sweep(fails, false)).containsExactly("engine " + DEAD + ": busy");
            assertThat(entries("engines")).contains(DEAD);
            assertThat(entries("ranges")).containsExactly("2");
            assertThat(state.sweep(fails, false)).containsExactly("engine " + DEAD + ": busy");
            long now = System.nanoTime();
            assertThat(deadlines.getLast())
                    .as("nobody waits again for what has not ended")
                    .isLessThanOrEqualTo(now);

            assertThat(state.sweep(this::undo, false)).isEmpty();
            assertThat(undone).containsExactly(DEAD);
            assertThat(entries("ranges")).isEmpty();
        }
    }

    @Test
    void aLivingEngineOfTheSameProcessIsLeftAlone() throws IOException {
        try (StateDirectory first = StateDirectory.open(place);
                StateDirectory second = StateDirectory.open(place)) {
            first.claimRange(0);

            second.sweep(this::undo, false);

            assertThat(undone).isEmpty();
            assertThat(entries("ranges")).containsExactly("0");
        }
    }

    /** POSIX locks belong to a process: they are gone when it closes any descriptor of the file. */
    @Test
    void aLivingEngineOfTheSameProcessKeepsItsLock() throws IOException {
        try (StateDirectory first = StateDirectory.open(place);
                StateDirectory second = StateDirectory.open(place)) {
            second.sweep(this::undo, false);

            assertThat(isLocked(first.engine())).isTrue();
            assertThat(isLocked(second.engine())).isTrue();
        }
    }

    @Test
    void enginesComeAndGoAtOnce() throws Exception {
        Files.createDirectory(place);
        List<Future<Void>> engines = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int i = 0; i < 64; i++) {
                int range = i;
                engines.add(threads.submit(() -> {
                    try (StateDirectory state = StateDirectory.open(place)) {
                        state.sweep(
                                (engine, deadline) -> {
                                    throw new IOException(engine + " is not dead");
                                },
                                false);
                        for (int block = range; block < range + 8; block++) {
                            state.claimRange(block);
                        }
                    }
                    return null;
                }));
            }
        }
        for (Future<Void> engine : engines) {
            engine.get();
        }
        assertThat(entries("engines")).isEmpty();
        assertThat(entries("ranges")).isEmpty();
    }
}
