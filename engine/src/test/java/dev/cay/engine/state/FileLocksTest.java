package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileLocksTest {
    private static final int ROUNDS = 200;

    @TempDir
    private Path temporary;

    private Path lock;
    private Path counter;

    @BeforeEach
    void here() throws IOException {
        lock = temporary.resolve("lock");
        counter = temporary.resolve("counter");
        Files.writeString(counter, "0");
    }

    /** Counts in a file, which goes wrong if anybody else does so at the same time. */
    private static void count(Path lock, Path counter) throws IOException {
        for (int i = 0; i < ROUNDS; i++) {
            FileLocks.locked(
                    lock,
                    () -> Files.writeString(
                            counter, Integer.toString(Integer.parseInt(Files.readString(counter)) + 1)));
        }
    }

    /** Another process that counts. */
    static final class Other {
        private Other() {}

        public static void main(String[] arguments) throws IOException {
            count(Path.of(arguments[0]), Path.of(arguments[1]));
        }
    }

    private static Path classes(Class<?> type) throws URISyntaxException {
        Path file = Path.of(type.getResource(type.getSimpleName() + ".class").toURI());
        return file.resolve("../".repeat(type.getPackageName().split("\\.").length + 1))
                .normalize();
    }

    @Test
    void processesAndThreadsTakeTurns() throws Exception {
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "-cp",
                        classes(FileLocks.class) + ":" + classes(FileLocksTest.class),
                        Other.class.getName(),
                        lock.toString(),
                        counter.toString())
                .inheritIO()
                .start();
        Callable<Void> count = () -> {
            count(lock, counter);
            return null;
        };
        List<Future<Void>> threads = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(3)) {
            for (int i = 0; i < 3; i++) {
                threads.add(executor.submit(count));
            }
        }
        for (Future<Void> thread : threads) {
            thread.get();
        }
        assertThat(other.waitFor()).isZero();
        assertThat(Files.readString(counter)).isEqualTo(Integer.toString(4 * ROUNDS));
    }

    @Test
    void aThreadTakesItAgain() throws IOException {
        String result = FileLocks.locked(
                lock,
                () -> FileLocks.locked(lock, () -> {
                    FileLocks.tryLocked(lock, () -> "inner");
                    assertThat(isLocked()).isTrue();
                    return "done";
                }));
        assertThat(result).isEqualTo("done");
        assertThat(isLocked()).isFalse();
    }

    @Test
    void whoeverTriesDoesNotWait() throws Exception {
        try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
            FileLocks.locked(lock, () -> {
                try {
                    assertThat(executor.submit(() -> FileLocks.tryLocked(lock, () -> "mine"))
                                    .get())
                            .isEmpty();
                } catch (InterruptedException | ExecutionException e) {
                    throw new AssertionError(e);
                }
                return lock;
            });
        }
        assertThat(FileLocks.tryLocked(lock, () -> "mine")).hasValue("mine");
    }

    @Test
    void aFailureGivesItBack() throws IOException {
        assertThatThrownBy(() -> FileLocks.locked(lock, () -> {
                    throw new IOException("no");
                }))
                .hasMessage("no");
        assertThat(isLocked()).isFalse();
        assertThat(FileLocks.tryLocked(lock, () -> "mine")).hasValue("mine");
    }

    @Test
    void anInterruptIsKept() throws IOException {
        Thread.currentThread().interrupt();
        assertThat(FileLocks.locked(lock, () -> "done")).isEqualTo("done");
        assertThat(Thread.interrupted()).isTrue();
    }

    private boolean isLocked() throws IOException {
        Object inode = Files.getAttribute(lock, "unix:ino");
        return Files.readAllLines(Path.of("/proc/locks")).stream()
                .anyMatch(line ->
                        line.contains(" WRITE " + ProcessHandle.current().pid() + " ")
                                && line.contains(":" + inode + " "));
    }
}
