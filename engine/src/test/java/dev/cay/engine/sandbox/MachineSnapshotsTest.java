package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Snapshots;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MachineSnapshotsTest {
    /** Both would live at once: a port of this machine is one sandbox's, and so is a name. */
    @Test
    void aCopyHasWhatTwoCanHave() {
        SandboxSpec original = SandboxSpec.image("debian:12")
                .isolation(Isolation.MICROVM)
                .name("lab")
                .network(Network.bridge().withPorts(List.of(PublishedPort.parse("7443:443"))))
                .detached()
                .build();
        Lifetime hour = Lifetime.untilRemoved().limit(Duration.ofHours(1));
        SandboxSpec copy = MachineSnapshots.spec(original, new Snapshots.Copy(Optional.of("copy"), hour));
        assertThat(copy)
                .isEqualTo(SandboxSpec.image("debian:12")
                        .isolation(Isolation.MICROVM)
                        .name("copy")
                        .network(Network.bridge())
                        .lifetime(hour)
                        .build());
        SandboxSpec attached = MachineSnapshots.spec(original, Snapshots.Copy.attached(Optional.empty()));
        assertThat(attached.name()).isEmpty();
        assertThat(attached.lifetime()).isEqualTo(Lifetime.attached());
        assertThatThrownBy(() -> new Snapshots.Copy(
                        Optional.empty(), Lifetime.untilRemoved().untilEnd()))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }
}
