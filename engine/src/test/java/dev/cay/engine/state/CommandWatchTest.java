package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.SandboxEvent;
import dev.cay.SandboxSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CommandWatchTest {
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);
    private static final ExecSpec COMMAND = ExecSpec.of("ls", "-l");
    private static final String ID = "0123456789ab";

    @TempDir
    private Path temporary;

    private SandboxStore store;

    @BeforeEach
    void here() throws IOException {
        store = SandboxStore.open(temporary.resolve("run/cay/sandboxes"));
        create(ID, "box");
    }

    private void create(String id, String name) throws IOException {
        store.create(SandboxRecord.creating(id, SandboxSpec.host().name(name).build(), NOW, "engine"));
    }

    private Stub begin(String id, int number) throws IOException {
        Stub stub = new Stub(store.executions(id).begin(number, COMMAND, "root", NOW));
        stub.running(7, NOW);
        return stub;
    }

    private static List<String> texts(List<SandboxEvent> events) {
        return events.stream()
                .map(event -> event.name() + " " + event.kind().text() + " "
                        + event.execution().orElseThrow() + " " + event.detail())
                .toList();
    }

    @Test
    void aCommandIsToldOfWhenItBeginsAndWhenItEnds() throws IOException {
        CommandWatch watch = new CommandWatch(store);
        assertThat(watch.look()).isEmpty();
        try (Stub second = begin(ID, 2);
                Stub third = begin(ID, 3)) {
            third.ended(1, 4, false, NOW.plusSeconds(5));
            List<SandboxEvent> events = watch.look();
            assertThat(texts(events))
                    .containsExactly("box started 2 ls -l", "box started 3 ls -l", "box exited 3 exit code 4");
            assertThat(events.getLast().time()).isEqualTo(NOW.plusSeconds(5));
            assertThat(events.getLast().id()).isEqualTo(ID);
            assertThat(watch.look()).isEmpty();
            second.ended(2, 9, false, NOW);
            assertThat(texts(watch.look())).containsExactly("box exited 2 signalled, signal 9");
        }
        assertThat(watch.look()).isEmpty();
    }

    @Test
    void ofWhatThereIsAlreadyOnlyTheEndIsTold() throws IOException {
        try (Stub ended = begin(ID, 2);
                Stub running = begin(ID, 3)) {
            ended.ended(1, 0, false, NOW);
            CommandWatch watch = new CommandWatch(store);
            running.ended(1, 0, false, NOW);
            assertThat(texts(watch.look())).containsExactly("box exited 3 exit code 0");
        }
    }

    /** That is in the log. */
    @Test
    void theSandboxsOwnIsNotTold() throws IOException {
        CommandWatch watch = new CommandWatch(store);
        try (Stub own = begin(ID, Executions.OWN)) {
            own.ended(1, 0, false, NOW);
            assertThat(watch.look()).isEmpty();
        }
    }

    @Test
    void sandboxesComeAndGo() throws IOException {
        CommandWatch watch = new CommandWatch(store);
        create("ba9876543210", "other");
        try (Stub stub = begin("ba9876543210", 2)) {
            assertThat(texts(watch.look())).containsExactly("other started 2 ls -l");
            store.delete("ba9876543210");
            stub.ended(1, 0, false, NOW);
            assertThat(watch.look()).isEmpty();
        }
    }

    @Test
    void aRecordThatASandboxHasSpoiltHidesNoOther() throws IOException {
        CommandWatch watch = new CommandWatch(store);
        try (Stub hostile = begin(ID, 2);
                Stub calm = begin(ID, 3)) {
            assertThat(watch.look()).hasSize(2);
            hostile.write(0, ByteBuffer.wrap(new byte[8]));
            calm.ended(1, 0, false, NOW);
            assertThat(texts(watch.look())).containsExactly("box exited 3 exit code 0");
        }
    }
}
