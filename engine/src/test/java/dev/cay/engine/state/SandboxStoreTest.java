package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SandboxStoreTest {
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);
    private static final ProcessIdentity PROCESS = new ProcessIdentity(1, 2, "boot");

    @TempDir
    private Path temporary;

    private Path base;
    private SandboxStore store;
    private SandboxStore other;

    @BeforeEach
    void here() throws IOException {
        base = temporary.resolve("run/cay/sandboxes");
        store = SandboxStore.open(base);
        other = SandboxStore.open(base);
    }

    private static SandboxRecord unnamed(String id) {
        return SandboxRecord.creating(
                id, SandboxSpec.host().command(ExecSpec.of("true")).build(), NOW, "engine");
    }

    private static SandboxRecord named(String id, String name) {
        return SandboxRecord.creating(id, SandboxSpec.host().name(name).build(), NOW, "engine");
    }

    private List<String> entries() throws IOException {
        return Directories.names(base).stream().sorted().toList();
    }

    @Test
    void whatOneCreatesAnotherReads() throws IOException {
        store.create(named("abcd", "web"));
        assertThat(other.read("abcd").name()).isEqualTo("web");
        assertThat(other.resolve("web")).isEqualTo("abcd");
        assertThat(other.resolve("abcd")).isEqualTo("abcd");
        assertThat(entries()).containsExactly("abcd", "names", "names.lock");
        for (Path directory : List.of(base, base.resolve("abcd"), base.resolve("abcd/executions"))) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
                    .isEqualTo("rwx------");
        }
    }

    @Test
    void nothingIsLeftOfWhatIsDeleted() throws IOException {
        store.create(named("abcd", "web"));
        store.journal("abcd").add(new Undo.RemoveCgroup("x"));
        store.executions("abcd").begin(1, ExecSpec.of("true"), "root", NOW);
        other.delete("abcd");
        store.delete("abcd");
        assertThat(entries()).containsExactly("names", "names.lock");
        assertThat(Directories.names(base.resolve("names"))).isEmpty();
        assertThatThrownBy(() -> store.read("abcd")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.locked("abcd", () -> "")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.resolve("web")).isInstanceOf(SandboxException.NotFound.class);
    }

    @Test
    void whatIsWithdrawnIsGoneAtOnceAndItsFilesLater() throws IOException {
        store.create(named("abcd", "web"));
        store.executions("abcd").begin(2, ExecSpec.of("true"), "root", NOW);
        assertThat(store.withdraw("abcd", true)).isTrue();
        assertThatThrownBy(() -> other.read("abcd")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> other.nextExecution("abcd")).isInstanceOf(SandboxException.NotFound.class);
        other.delete("abcd");
        other.create(named("ef01", "web"));
        assertThat(entries()).containsExactly(".gone-abcd", "ef01", "names", "names.lock");

        store.clear("abcd");
        store.clear("abcd");
        assertThat(entries()).containsExactly("ef01", "names", "names.lock");
        assertThat(other.resolve("web")).isEqualTo("ef01");
    }

    @Test
    void whatSomebodyElseHasRemovedIsNotWithdrawn() throws IOException {
        store.create(named("abcd", "web"));
        other.delete("abcd");
        other.create(named("ef01", "web"));
        assertThat(store.withdraw("abcd", true)).isFalse();
        assertThat(other.resolve("web")).as("another's name by now").isEqualTo("ef01");
    }

    @Test
    void namesAndIdsAreUnique() throws IOException {
        store.create(named("abcd", "web"));
        assertThatThrownBy(() -> other.create(named("ef01", "web")))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("the name web is that of sandbox abcd");
        assertThat(store.ids()).containsExactly("abcd");
        assertThatThrownBy(() -> other.create(unnamed("abcd"))).isInstanceOf(SandboxException.Conflict.class);
        assertThat(store.read("abcd").name()).isEqualTo("web");
        assertThat(entries()).containsExactly("abcd", "names", "names.lock");
    }

    @Test
    void theNameOfNobodyIsTakenOver() throws IOException {
        Files.createSymbolicLink(base.resolve("names/web"), Path.of("dead"));
        Files.createSymbolicLink(base.resolve("names/evil"), Path.of("../../.."));
        assertThatThrownBy(() -> store.resolve("web")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.resolve("evil")).isInstanceOf(SandboxException.NotFound.class);
        store.create(named("abcd", "web"));
        assertThat(store.resolve("web")).isEqualTo("abcd");
    }

    @Test
    void oneOfManyGetsAName() throws Exception {
        AtomicInteger conflicts = new AtomicInteger();
        for (int round = 0; round < 20; round++) {
            Files.createSymbolicLink(base.resolve("names/name" + round), Path.of("dead"));
        }
        atOnce(4, thread -> {
            SandboxStore mine = SandboxStore.open(base);
            for (int round = 0; round < 20; round++) {
                try {
                    mine.create(named("%04x".formatted(0xa000 + thread * 256 + round), "name" + round));
                } catch (SandboxException.Conflict e) {
                    conflicts.incrementAndGet();
                }
            }
        });
        assertThat(conflicts).hasValue(60);
        assertThat(store.ids()).hasSize(20);
        for (int round = 0; round < 20; round++) {
            assertThat(store.read(store.resolve("name" + round)).name()).isEqualTo("name" + round);
        }
    }

    @Test
    void aSandboxIsFoundByTheBeginningOfItsId() throws IOException {
        store.create(unnamed("abcd01"));
        store.create(unnamed("abce02"));
        assertThat(store.resolve("abcd")).isEqualTo("abcd01");
        assertThatThrownBy(() -> store.resolve("abc"))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("the ids of 2 sandboxes begin with abc");
        for (String nothing : List.of("", "x", "..", ".", "../sandboxes/abcd01", "names", "abcd012")) {
            assertThatThrownBy(() -> store.resolve(nothing)).isInstanceOf(SandboxException.NotFound.class);
        }
        store.create(named("0123", "abce"));
        assertThat(store.resolve("abce")).isEqualTo("0123");
    }

    @Test
    void anEventChangesWhatIsWritten() throws IOException {
        store.create(unnamed("abcd"));
        store.update("abcd", record -> record.cgroup("cay/abcd").firstId(70_000));
        store.advance("abcd", new Event.Made(PROCESS));
        assertThat(store.advance("abcd", new Event.StartRequested())).containsExactly(new Effect.StartCommand(1));
        assertThatThrownBy(() -> other.advance("abcd", new Event.StartRequested()))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("sandbox abcd: its command runs already");
        SandboxRecord record = other.read("abcd");
        assertThat(record.state()).isEqualTo(SandboxState.RUNNING);
        assertThat(record.cgroup()).hasValue("cay/abcd");
        assertThat(record.firstId()).hasValue(70_000);
        assertThat(record.firstProcess()).hasValue(PROCESS);
    }

    @Test
    void oneOfManyStartsAndEachGetsANumberOfItsOwn() throws Exception {
        store.create(unnamed("abcd"));
        store.advance("abcd", new Event.Made(PROCESS));
        AtomicInteger starts = new AtomicInteger();
        Set<Integer> numbers = new HashSet<>();
        atOnce(4, thread -> {
            SandboxStore mine = SandboxStore.open(base);
            for (int i = 0; i < 20; i++) {
                int number = mine.nextExecution("abcd");
                synchronized (numbers) {
                    numbers.add(number);
                }
            }
            try {
                starts.addAndGet(
                        mine.advance("abcd", new Event.StartRequested()).size());
            } catch (SandboxException.Conflict e) {
                // another was faster
            }
        });
        assertThat(starts).hasValue(1);
        assertThat(numbers).hasSize(80).doesNotContain(Executions.OWN);
        assertThat(store.read("abcd").lastExecution()).isEqualTo(81);
    }

    @Test
    void aDeadSandboxGetsNoMoreCommands() throws IOException {
        store.create(unnamed("abcd"));
        store.advance("abcd", new Event.Made(PROCESS));
        store.advance("abcd", new Event.Died(Death.KILLED));
        assertThatThrownBy(() -> store.nextExecution("abcd"))
                .isInstanceOf(SandboxException.Closed.class)
                .hasMessage("sandbox abcd is dead");
    }

    /** Whoever has waited for the lock of a sandbox that was deleted meanwhile is told so. */
    @Test
    void sandboxesGoWhileOthersWait() throws Exception {
        AtomicInteger deleted = new AtomicInteger();
        for (int i = 0; i < 30; i++) {
            store.create(unnamed("%04x".formatted(i)));
        }
        atOnce(4, thread -> {
            SandboxStore mine = SandboxStore.open(base);
            for (int i = 0; i < 30; i++) {
                String id = "%04x".formatted(i);
                try {
                    mine.locked(id, () -> {
                        mine.delete(id);
                        return deleted.incrementAndGet();
                    });
                } catch (SandboxException.NotFound e) {
                    // another was faster
                }
                mine.list();
            }
        });
        assertThat(deleted).hasValue(30);
        assertThat(entries()).containsExactly("names", "names.lock");
    }

    @Test
    void theyAreListedInTheOrderTheyWereMade() throws IOException {
        SandboxSpec spec = SandboxSpec.host().build();
        store.create(SandboxRecord.creating("aaaa", spec, NOW.plusSeconds(1), "engine"));
        store.create(SandboxRecord.creating("bbbb", spec, NOW, "engine"));
        store.create(SandboxRecord.creating("cccc", spec, NOW, "engine"));
        Files.writeString(base.resolve("cccc/state.json"), "{");
        assertThat(store.list()).extracting(SandboxRecord::id).containsExactly("bbbb", "aaaa");
        assertThatThrownBy(() -> store.read("cccc")).isInstanceOf(SandboxException.HostFailed.class);
    }

    @Test
    void aRecordThatIsMissingOrAnothersIsDamaged() throws IOException {
        store.create(unnamed("aaaa"));
        store.create(unnamed("bbbb"));
        Files.move(
                base.resolve("aaaa/state.json"), base.resolve("bbbb/state.json"), StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> store.read("aaaa")).isInstanceOf(SandboxException.HostFailed.class);
        assertThatThrownBy(() -> store.read("bbbb")).isInstanceOf(SandboxException.HostFailed.class);
    }

    @Test
    void whatIsTooLargeIsRefused() throws IOException {
        ExecSpec large = ExecSpec.builder("cat").stdin(new byte[26 << 20]).build();
        SandboxRecord record =
                SandboxRecord.creating("abcd", SandboxSpec.host().command(large).build(), NOW, "engine");
        assertThatThrownBy(() -> store.create(record)).isInstanceOf(SandboxException.InvalidSpec.class);
        assertThat(entries()).containsExactly("names");
    }

    /** As when the disk is full. */
    @Test
    void whatCannotBeWrittenDownHasNotHappened() throws IOException {
        store.create(unnamed("abcd"));
        Files.createDirectory(base.resolve("abcd/state.json.new"));
        assertThatThrownBy(() -> store.advance("abcd", new Event.Made(PROCESS))).isInstanceOf(IOException.class);
        assertThat(store.read("abcd").state()).isEqualTo(SandboxState.CREATING);
    }

    @Test
    void leftoversGo() throws IOException {
        Files.createDirectories(base.resolve(".new-abcd/executions"));
        Files.createDirectories(base.resolve(".new-bcde/executions"));
        Files.setLastModifiedTime(base.resolve(".new-abcd"), FileTime.from(NOW.minusSeconds(1)));
        Files.setLastModifiedTime(base.resolve(".new-bcde"), FileTime.from(NOW.plusSeconds(1)));
        Files.createDirectories(base.resolve(".gone-cdef/executions"));
        Files.createSymbolicLink(base.resolve("names/web"), Path.of("dead"));
        store.sweepLeftovers(NOW);
        assertThat(entries()).containsExactly(".new-bcde", "names", "names.lock");
        assertThat(Directories.names(base.resolve("names"))).isEmpty();
    }

    @Test
    void whatADeadEngineHasToldOfItsSandboxesGoes() throws IOException {
        for (String engine : List.of("dead", "alive")) {
            String id = engine.equals("dead") ? "dddd" : "aaaa";
            SandboxSpec spec = SandboxSpec.host().name("of-" + engine).build();
            store.create(
                    SandboxRecord.attached(id, spec, NOW, PROCESS, engine, 7),
                    directory -> Files.createFile(SandboxStore.socket(directory)));
            assertThat(store.socket(id)).exists();
            Files.createDirectories(base.resolve(".new-" + engine + "-bbbb/executions"));
        }
        store.create(unnamed("eeee")); // one that is to outlive its maker has a journal, which a sweep follows
        Files.createDirectories(base.resolve(".gone-cdef/executions"));
        try (EventStream events = store.events().follow()) {
            store.removeOf("dead");
            assertThat(events.next(Duration.ZERO))
                    .isNotEmpty()
                    .allMatch(event -> event.kind() == SandboxEvent.Kind.REMOVED);
        }
        assertThat(entries())
                .containsExactly(".new-alive-bbbb", "aaaa", "eeee", "events", "events.lock", "names", "names.lock");
        assertThat(Directories.names(base.resolve("names"))).containsExactly("of-alive");
        assertThat(store.read("aaaa").isAttached()).isTrue();
    }

    private interface Task {
        void run(int thread) throws IOException;
    }

    private static void atOnce(int count, Task task) throws Exception {
        List<Future<Void>> threads = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(count)) {
            for (int i = 0; i < count; i++) {
                int thread = i;
                Callable<Void> call = () -> {
                    task.run(thread);
                    return null;
                };
                threads.add(executor.submit(call));
            }
        }
        for (Future<Void> thread : threads) {
            thread.get();
        }
    }
}
