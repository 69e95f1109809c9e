package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.MachineInfo;
import dev.cay.SandboxException;
import dev.cay.engine.container.GuestSurroundings;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MachineNoteTest {
    private static MachineNote note(MachineKind kind) {
        return new MachineNote(
                kind,
                Duration.ofMillis(70),
                true,
                false,
                new GuestSurroundings(Map.of("PATH", "/bin"), Optional.empty()),
                Optional.of("group"),
                new MachineNote.Likeness("key", true));
    }

    @Test
    void whatIsWrittenIsRead() {
        for (MachineInfo.Beginning began : MachineInfo.Beginning.values()) {
            Optional<String> template = began == MachineInfo.Beginning.BOOT ? Optional.empty() : Optional.of("image");
            MachineNote plain = note(new MachineKind(false, began, template, Optional.empty()));
            assertThat(MachineNote.parse(plain.json())).isEqualTo(plain);
            for (MachineInfo.Files files : MachineInfo.Files.values()) {
                MachineNote note = note(new MachineKind(true, began, template, Optional.of(files)));
                assertThat(MachineNote.parse(note.json())).isEqualTo(note);
            }
        }
    }

    @Test
    void whatNoMachineIsIsRefused() {
        assertThatThrownBy(
                        () -> new MachineKind(true, MachineInfo.Beginning.BOOT, Optional.of("image"), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new MachineKind(true, MachineInfo.Beginning.SPARE, Optional.empty(), Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class);
        MachineKind kind = new MachineKind(
                true, MachineInfo.Beginning.BOOT, Optional.empty(), Optional.of(MachineInfo.Files.RELAY));
        for (String known : new String[] {"\"boot\"", "\"relay\""}) {
            String other = note(kind).json().replace(known, "\"magic\"");
            assertThatThrownBy(() -> MachineNote.parse(other))
                    .isInstanceOf(SandboxException.InvalidSpec.class)
                    .hasMessageContaining("magic");
        }
    }
}
