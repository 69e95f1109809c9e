package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.SandboxException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The same without a virtiofsd: what is shared is relayed over the channel. */
@ExtendWith(RootLane.class)
final class RelayTest extends SharesTest {
    private static final String PROPERTY = "dev.cay.shares";

    @Override
    void choose() {
        System.setProperty(PROPERTY, "relay");
    }

    @Override
    MachineInfo.Files giver() {
        return MachineInfo.Files.RELAY;
    }

    /** Nobody would be there to answer. */
    @Test
    void aDetachedOneIsRefused() {
        assertThatThrownBy(() -> engine.create(spec().mount(Mount.bind(Lab.directory(), "/x"))
                        .detached()
                        .build()))
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("outlives its maker");
    }

    @AfterAll
    static void asBefore() {
        System.clearProperty(PROPERTY);
    }
}
