package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Fd;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class QemuMigrationTest {
    /** A QEMU whose migration is in one state after another. */
    private static final class Scripted implements QemuMigration.Commands {
        private final List<String> told = new ArrayList<>();
        private final Queue<String> states;

        Scripted(String... states) {
            this.states = new ArrayDeque<>(List.of(states));
        }

        @Override
        public String execute(String command, Consumer<JsonWriter> arguments, List<Fd> passed) throws IOException {
            told.add(command);
            return switch (command) {
                case "query-migrate", "query-status" -> states.remove();
                default -> "";
            };
        }
    }

    /** Whoever began to save it is gone: what it writes nobody wants. */
    @Test
    void whatIsBeingWrittenIsGivenUp() throws IOException {
        Scripted qemu = new Scripted("active", "cancelling", "cancelled");
        new QemuMigration(qemu).giveUp();
        assertThat(qemu.told)
                .containsExactly("query-migrate", "migrate_cancel", "query-migrate", "query-migrate", "cont");
    }

    @Test
    void whatHasBeenWrittenOrNeverWasJustGoesOn() throws IOException {
        for (String state : List.of("", "none", "completed", "failed", "failed: no space", "cancelled")) {
            Scripted qemu = new Scripted(state);
            new QemuMigration(qemu).giveUp();
            assertThat(qemu.told).containsExactly("query-migrate", "cont");
        }
    }

    @Test
    void itsReturnIsAwaited() throws IOException {
        Scripted qemu = new Scripted("inmigrate", "inmigrate", "running");
        new QemuMigration(qemu).awaitRunning(System.nanoTime() + 60_000_000_000L);
        assertThat(qemu.told).hasSize(3);
        assertThatThrownBy(() -> new QemuMigration(new Scripted("inmigrate")).awaitRunning(System.nanoTime() - 1))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("bring the machine back");
    }
}
