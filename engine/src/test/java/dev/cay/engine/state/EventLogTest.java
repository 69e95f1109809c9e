package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.EventStream;
import dev.cay.SandboxEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EventLogTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000, 1);

    @TempDir
    private Path base;

    private static SandboxEvent event(int number) {
        return new SandboxEvent(
                NOW, "abcd", "web", SandboxEvent.Kind.EXITED, OptionalInt.of(number), "exit code " + number);
    }

    private static List<SandboxEvent> read(EventStream events, int count) {
        List<SandboxEvent> all = new ArrayList<>();
        while (all.size() < count) {
            List<SandboxEvent> next = events.next(LONG);
            assertThat(next).as("after " + all).isNotEmpty();
            all.addAll(next);
        }
        return all;
    }

    @Test
    void whatHappensFromNowOnIsRead() throws IOException {
        EventLog log = new EventLog(base);
        try (EventStream early = log.follow()) {
            log.append(event(1));
            try (EventStream late = new EventLog(base).follow()) {
                SandboxEvent plain =
                        new SandboxEvent(NOW, "abcd", "abcd", SandboxEvent.Kind.DIED, OptionalInt.empty(), "ä\n");
                log.append(plain);
                assertThat(read(early, 2)).containsExactly(event(1), plain);
                assertThat(read(late, 1)).containsExactly(plain);
                assertThat(late.next(Duration.ZERO)).isEmpty();
            }
        }
    }

    @Test
    void nothingIsMissedWhenTheFileIsPutAside() throws IOException {
        EventLog log = new EventLog(base, 300);
        try (EventStream events = log.follow()) {
            List<SandboxEvent> all = new ArrayList<>();
            for (int i = 1; i <= 40; i++) {
                log.append(event(i));
                if (i % 4 == 0) { // twice put aside in between
                    all.addAll(read(events, 4));
                }
            }
            assertThat(all)
                    .extracting(event -> event.execution().getAsInt())
                    .isSorted()
                    .hasSize(40);
        }
        assertThat(Directories.names(base)).containsExactlyInAnyOrder("events", "events.1", "events.lock");
        assertThat(Files.size(base.resolve("events.1"))).isLessThan(600);
    }

    @Test
    void whoeverComesTooLateMissesWhatIsGone() throws IOException {
        EventLog log = new EventLog(base, 300);
        try (EventStream events = log.follow()) {
            log.append(event(0));
            read(events, 1);
            for (int i = 1; i <= 50; i++) {
                log.append(event(i));
            }
            assertThat(read(events, 1)).endsWith(event(50)).contains(event(49), event(48));
        }
    }

    @Test
    void allThatManyTellIsRead() throws Exception {
        List<Future<Void>> writers = new ArrayList<>();
        try (EventStream events = new EventLog(base).follow();
                ExecutorService executor = Executors.newFixedThreadPool(3)) {
            for (int writer = 0; writer < 3; writer++) {
                int first = writer * 100;
                writers.add(executor.submit(() -> {
                    EventLog log = new EventLog(base);
                    for (int i = 0; i < 100; i++) {
                        log.append(event(first + i));
                    }
                    return null;
                }));
            }
            assertThat(read(events, 300)).doesNotHaveDuplicates();
            for (Future<Void> writer : writers) {
                writer.get();
            }
        }
    }

    @Test
    void aTornLineIsNoEvent() throws IOException {
        EventLog log = new EventLog(base);
        try (EventStream events = log.follow()) {
            log.append(event(1));
            Files.writeString(base.resolve("events"), "{\"time\":5", StandardOpenOption.APPEND);
            log.append(event(2));
            Files.writeString(base.resolve("events"), "{}\n", StandardOpenOption.APPEND);
            log.append(event(3));
            assertThat(read(events, 3)).containsExactly(event(1), event(2), event(3));
        }
    }

    @Test
    void aLongDetailIsCut() throws IOException {
        EventLog log = new EventLog(base);
        log.append(new SandboxEvent(
                NOW, "abcd", "w".repeat(64), SandboxEvent.Kind.DIED, OptionalInt.empty(), "ä".repeat(10_000)));
        assertThat(Files.size(base.resolve("events"))).isLessThan(4096);
    }

    @Test
    void closingWakesWhoeverWaits() throws Exception {
        EventStream events = new EventLog(base).follow();
        Thread waiting = Thread.ofPlatform()
                .start(() -> assertThat(events.next(Duration.ofSeconds(Long.MAX_VALUE)))
                        .isEmpty());
        events.close();
        waiting.join();
        events.close();
        assertThat(events.next(LONG)).isEmpty();
    }
}
