package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTest {
    private static final List<Undo> ALL = List.of(
            new Undo.RemoveCgroup("cay/a b"),
            new Undo.ReleaseIds(),
            new Undo.KillProcess(new ProcessIdentity(5, 6, "boot")),
            new Undo.ReleaseName("web"),
            new Undo.UnmountVolume("data", "/run/cay/\u00e4\n"),
            new Undo.ReleaseImage());

    @TempDir
    private Path temporary;

    private Path file;
    private Journal journal;
    private final List<Undo> undone = new ArrayList<>();

    @BeforeEach
    void here() {
        file = temporary.resolve("journal");
        journal = new Journal("abcd", file);
    }

    private void undo(String sandbox, Undo undo) {
        assertThat(sandbox).isEqualTo("abcd");
        undone.add(undo);
    }

    private void addAll() throws IOException {
        for (Undo undo : ALL) {
            journal.add(undo);
        }
    }

    @Test
    void everyKindIsReadAgain() throws IOException {
        assertThat(journal.pending()).isEmpty();
        addAll();
        assertThat(new Journal("abcd", file).pending()).isEqualTo(ALL);
        assertThat(Files.readAllLines(file)).hasSameSizeAs(ALL);
    }

    @Test
    void allIsUndoneOnceLastThingsFirst() throws IOException {
        addAll();
        journal.undoAll(this::undo);
        assertThat(undone).isEqualTo(ALL.reversed());
        journal.undoAll(this::undo);
        new Journal("abcd", file).undoAll(this::undo);
        assertThat(undone).hasSameSizeAs(ALL);
        journal.add(ALL.getFirst());
        assertThat(journal.pending()).containsExactly(ALL.getFirst());
    }

    @Test
    void whatFailsKeepsNothingElseFromBeingUndone() throws IOException {
        addAll();
        assertThatThrownBy(() -> journal.undoAll((sandbox, undo) -> {
                    if (undo instanceof Undo.ReleaseName) {
                        throw new IOException("first");
                    }
                    if (undo instanceof Undo.ReleaseIds) {
                        throw new IllegalStateException("second");
                    }
                    undo(sandbox, undo);
                }))
                .isInstanceOf(IOException.class)
                .hasMessage("first")
                .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
        assertThat(undone).containsExactly(ALL.get(5), ALL.get(4), ALL.get(2), ALL.get(0));
        assertThat(journal.pending()).containsExactly(ALL.get(1), ALL.get(3));

        journal.undoAll(this::undo);
        assertThat(undone).hasSameSizeAs(ALL).endsWith(ALL.get(3), ALL.get(1));
    }

    /** Wherever the writing of a line stops, what was written before counts, and what is written after. */
    @Test
    void aTornLineWasNeverWritten() throws IOException {
        addAll();
        byte[] whole = Files.readAllBytes(file);
        journal.add(ALL.get(2));
        byte[] more = Files.readAllBytes(file);
        for (int length = whole.length; length < more.length; length++) {
            Files.write(file, Arrays.copyOf(more, length));
            assertThat(journal.pending()).isEqualTo(ALL);

            journal.add(ALL.get(0));
            assertThat(journal.pending())
                    .startsWith(ALL.toArray(Undo[]::new))
                    .endsWith(ALL.get(0))
                    .hasSize(ALL.size() + 1);
        }
    }

    @Test
    void whatIsNotUnderstoodIsNotPassedOver() throws IOException {
        Files.writeString(file, "{\"undo\":\"blow-up\"}\n");
        assertThatThrownBy(() -> journal.undoAll(this::undo))
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("'blow-up'");
        Files.writeString(file, "nonsense\n", StandardOpenOption.TRUNCATE_EXISTING);
        assertThatThrownBy(journal::pending).isInstanceOf(SandboxException.HostFailed.class);
        assertThat(undone).isEmpty();
    }

    @Test
    void anInterruptDoesNotTearIt() throws IOException {
        Thread.currentThread().interrupt();
        addAll();
        assertThat(journal.pending()).isEqualTo(ALL);
        assertThat(Thread.interrupted()).isTrue();
    }
}
