package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MemoryFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemplateStoreTest {
    private static final Size MEMORY = MachineSpec.MINIMUM_MEMORY;

    @TempDir
    Path base;

    private HostKernel host;
    private TemplateStore store;

    @BeforeEach
    void open() throws IOException {
        host = new HostKernel();
        store = TemplateStore.open(base.resolve("templates"));
    }

    @AfterEach
    void close() {
        host.close();
    }

    private static Template template(String name) {
        return new Template(
                name,
                "key",
                "6.1.0",
                new GuestSize(MEMORY, 2),
                2_600_000,
                List.of("virtio2"),
                List.of("vda"),
                Optional.of("virtio3"),
                Instant.EPOCH);
    }

    private MemoryFile file(long size, int at) throws IOException {
        MemoryFile file = MemoryFile.create(host, "test", size);
        try (FileChannel channel = file.open(StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {7}), at);
        }
        return file;
    }

    private void add(String name) throws IOException {
        try (MemoryFile memory = file(MEMORY.bytes(), 5 * 4096 + 9);
                MemoryFile state = file(0, 99)) {
            store.add(template(name), memory, state);
        }
    }

    @Test
    void whatIsAddedIsThereAsAWhole() throws IOException {
        add("one");
        assertThat(store.list()).containsExactly(template("one"));
        assertThat(store.size("one").bytes()).isBetween(4096L, 8192L);
        try (MemoryFile memory = MemoryFile.create(host, "test", MEMORY.bytes());
                MemoryFile state = MemoryFile.create(host, "test", 0);
                FileChannel read = memory.open(StandardOpenOption.READ);
                FileChannel machine = state.open(StandardOpenOption.READ)) {
            store.read(template("one"), memory, state);
            ByteBuffer one = ByteBuffer.allocate(1);
            read.read(one, 5 * 4096 + 9);
            assertThat(one.get(0)).isEqualTo((byte) 7);
            assertThat(read.size()).isEqualTo(MEMORY.bytes());
            assertThat(machine.size()).isEqualTo(100);
        }
        assertThatThrownBy(() -> add("one")).isInstanceOf(SandboxException.Conflict.class);
        store.remove("one");
        assertThat(store.list()).isEmpty();
        assertThatThrownBy(() -> store.remove("one")).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> store.remove("../templates")).isInstanceOf(SandboxException.NotFound.class);
        assertThat(store.find("../one")).isEmpty();
    }

    /** Who was killed while he wrote one leaves nothing that could be taken for one, and the next one clears it away. */
    @Test
    void whatIsHalfWrittenIsNoTemplate() throws IOException {
        Path half = Files.createDirectories(base.resolve("templates/.new-1"));
        Files.writeString(half.resolve("template.json"), template("half").json());
        Path young = Files.createDirectories(base.resolve("templates/.new-2"));
        Path gone = Files.createDirectories(base.resolve("templates/.gone-1"));
        Files.createDirectories(base.resolve("templates/empty"));
        assertThat(store.list()).isEmpty();
        Files.setLastModifiedTime(half, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
        add("one");
        assertThat(half).doesNotExist();
        assertThat(gone).doesNotExist();
        assertThat(young).exists(); // somebody may be at it
        assertThat(store.list()).hasSize(1);
    }

    @Test
    void whatOthersHaveWrittenIsRefusedByName() throws IOException {
        add("one");
        Path document = base.resolve("templates/one/template.json");
        String json = Files.readString(document);
        for (String other : List.of(
                json.replace("\"version\":1", "\"version\":2"),
                json.replace("virtio2", "../../x"),
                json.substring(0, json.length() / 2),
                "")) {
            Files.writeString(document, other);
            assertThatThrownBy(() -> store.list())
                    .isInstanceOf(RuntimeException.class)
                    .satisfies(e -> assertThat(e instanceof SandboxException || e instanceof IllegalArgumentException)
                            .isTrue());
        }
    }

    @Test
    void aDamagedMemoryIsRefused() throws IOException {
        add("one");
        Path pages = base.resolve("templates/one/pages");
        Files.write(pages, new byte[100]);
        try (MemoryFile memory = MemoryFile.create(host, "test", MEMORY.bytes());
                MemoryFile state = MemoryFile.create(host, "test", 0)) {
            assertThatThrownBy(() -> store.read(template("one"), memory, state))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("damaged");
        }
    }
}
