package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.linux.RecordingKernel;
import dev.cay.linux.SystemCall;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GuestDisksTest {
    private static final String SERIAL = "65024099";

    private final RecordingKernel guest = new RecordingKernel()
            .fill(SystemCall.READ, (SERIAL + "\n").getBytes(StandardCharsets.US_ASCII))
            .answer(SystemCall.READ, SERIAL.length() + 1);

    /** Some VMMs have serials of their own for disks; the same file twice is the same to them. */
    @Test
    void disksAreFoundByWhatTheGuestSees() throws IOException {
        GuestDisks disks = new GuestDisks(Map.of("layer0", SERIAL, "layer1", SERIAL), Map.of());
        disks.find(guest, Set.of("layer0", "layer1"), System.nanoTime());
        assertThat(disks.found().name("layer0")).startsWith("vd");
        assertThat(disks.found().name("layer1")).isEqualTo(disks.found().name("layer0"));
    }

    @Test
    void whatIsKnownIsNotLookedFor() {
        GuestDisks disks = new GuestDisks(Map.of(), Map.of("layer0", "vda"));
        assertThat(disks.lacks(Set.of("layer0"))).isFalse();
        assertThat(disks.lacks(Set.of("layer0", "layer1"))).isTrue();
        assertThat(disks.found().name("layer0")).isEqualTo("vda");
    }

    @Test
    void oneThatDoesNotAppearIsNamed() {
        GuestDisks disks = new GuestDisks(Map.of("layer0", SERIAL, "data", "65024100"), Map.of());
        assertThatThrownBy(() -> disks.find(guest, Set.of("layer0", "data"), System.nanoTime()))
                .isInstanceOf(IOException.class)
                .hasMessage("no disk appears that is called data");
    }
}
