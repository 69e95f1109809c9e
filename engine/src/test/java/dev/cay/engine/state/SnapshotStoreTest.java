package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Isolation;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.engine.Seeded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotStoreTest {
    private static final Snapshot SNAPSHOT = new Snapshot(
            SandboxSpec.image("debian:12").isolation(Isolation.MICROVM).build(),
            new Snapshot.Machine("key", Size.mib(256), true, 8, Map.of("A", "b"), Optional.of("/.cay/scripts")),
            new Snapshot.Commands(7, true),
            Duration.ofMillis(250),
            Instant.ofEpochSecond(1_700_000_000));

    @TempDir
    Path directory;

    private Path base;
    private SnapshotStore store;

    @BeforeEach
    void open() throws IOException {
        base = directory.resolve("snapshots");
        store = SnapshotStore.open(base);
    }

    private void add(String name) throws IOException {
        try (SnapshotStore.Draft draft = store.draft("engine")) {
            Files.writeString(draft.machine(), "machine");
            draft.keep(name, SNAPSHOT);
        }
    }

    @Test
    void whatIsKeptIsThereAsAWhole() throws IOException {
        add("one");
        assertThat(store.names()).containsExactly("one");
        assertThat(store.find("one")).isEqualTo(SNAPSHOT);
        assertThat(store.machine("one")).hasContent("machine");
        assertThat(store.changes("one")).isEmpty();
        assertThatThrownBy(() -> add("one")).isInstanceOf(SandboxException.Conflict.class);
        assertThat(Files.list(base).filter(path -> path.getFileName().toString().startsWith(".new")))
                .isEmpty();
        store.remove("one");
        assertThat(store.names()).isEmpty();
        assertThatThrownBy(() -> store.find("one")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.remove("../snapshots")).isInstanceOf(SandboxException.NotFound.class);
    }

    /** Who was killed while he wrote one leaves nothing that could be taken for one, and who finds him dead clears it away. */
    @Test
    void whatIsHalfWrittenIsNoSnapshot() throws IOException {
        Path half = Files.createDirectories(base.resolve(".new-dead-1"));
        Path whole = Files.createDirectories(base.resolve(".new-deadly-1"));
        Files.writeString(half.resolve("snapshot.json"), SNAPSHOT.toJson());
        assertThat(store.names()).isEmpty();
        add("one");
        SnapshotStore.removeOf(base, "dead");
        assertThat(half).doesNotExist();
        assertThat(whole).exists();
        assertThat(store.names()).containsExactly("one");
    }

    @Test
    void whatAnotherVersionHasWrittenIsSaidToBe() throws IOException {
        add("one");
        Path document = base.resolve("one/snapshot.json");
        Files.writeString(document, SNAPSHOT.toJson().replaceFirst("\"version\":2", "\"version\":1"));
        assertThatThrownBy(() -> store.find("one")).isInstanceOf(SandboxException.Unsupported.class);
    }

    @Test
    void whatIsDamagedIsRefused() throws Exception {
        add("one");
        Path document = base.resolve("one/snapshot.json");
        byte[] whole = SNAPSHOT.toJson().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        repeatedly(300, random -> {
            byte[] bytes = whole.clone();
            for (int i = 0; i <= random.nextInt(4); i++) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            Files.write(document, bytes);
            try {
                assertThat(store.find("one").image()).isNotEmpty();
            } catch (SandboxException e) {
                assertThat(e.getMessage()).isNotEmpty();
            }
        });
    }

    private static void repeatedly(int times, Seeded.Property property) {
        Seeded.run(random -> {
            for (int i = 0; i < times; i++) {
                property.check(random);
            }
        });
    }
}
