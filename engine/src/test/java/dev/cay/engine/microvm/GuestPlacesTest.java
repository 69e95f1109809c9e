package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Size;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class GuestPlacesTest {
    private static final Template TEMPLATE = new Template(
            "name",
            "key",
            "6.1.0",
            new GuestSize(Size.mib(256), 1),
            2_600_000,
            List.of("virtio2", "virtio3", "virtio4"),
            List.of("vda"),
            Optional.of("virtio5"),
            Instant.EPOCH);

    private static Disk disk(String serial, boolean readOnly) {
        return new Disk(Path.of("/files", serial), serial, readOnly);
    }

    /** What the guest's kernel is told to take and to leave, in this order. */
    private static List<String> told(List<Disk> disks, boolean card) {
        return GuestPlaces.resume(TEMPLATE, disks, card).stream()
                .filter(GuestStep.Calls.class::isInstance)
                .map(GuestStep.Calls.class::cast)
                .flatMap(step -> step.calls().operations().stream())
                .map(call -> call.toString().replaceFirst("/sys/bus/virtio/drivers/", ""))
                .filter(call -> call.startsWith("open"))
                .toList();
    }

    @Test
    void theFirstLayerIsInAPlaceThatHasNeverBeenLeft() {
        List<Disk> disks = List.of(disk("layer0", true));
        assertThat(told(disks, false)).isEmpty();
        assertThat(GuestPlaces.groundwork(TEMPLATE, disks)).isEqualTo(new Groundwork(true, Map.of("layer0", "vda")));
    }

    @Test
    void furtherDisksAndTheCardAreTaken() {
        List<Disk> disks = List.of(disk("layer0", true), disk("layer1", true), disk("changes", false));
        assertThat(told(disks, true))
                .containsExactly("openat(virtio_blk/bind)", "openat(virtio_blk/bind)", "openat(virtio_net/bind)");
        assertThat(GuestPlaces.groundwork(TEMPLATE, disks).disks()).isEqualTo(Map.of("layer0", "vda"));
    }

    /** A kernel that took a disk for one that cannot be written to has to look again; and nobody sees a disk that there is not. */
    @Test
    void aPlaceThatIsNoLayersIsLeft() {
        List<Disk> disks = List.of(disk("changes", false));
        assertThat(told(disks, false)).containsExactly("openat(virtio_blk/unbind)", "openat(virtio_blk/bind)");
        assertThat(GuestPlaces.groundwork(TEMPLATE, disks).disks()).isEmpty();
        assertThat(told(List.of(), false)).containsExactly("openat(virtio_blk/unbind)");
    }

    @Test
    void aTemplateIsReadAsItWasWrittenAndOneOfAnOlderVersionToo() {
        assertThat(Template.parse("name", TEMPLATE.json())).isEqualTo(TEMPLATE);
        String older = TEMPLATE.json().replace("\"kept\":[\"vda\"],", "");
        assertThat(older).doesNotContain("kept");
        assertThat(Template.parse("name", older).kept()).isEmpty();
    }
}
