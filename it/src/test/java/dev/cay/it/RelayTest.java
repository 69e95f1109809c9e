package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Furnishing;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.SandboxException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

    /** That would have to be its first process, which relays them. */
    @Test
    void theImagesInitIsRefused() {
        assertThatThrownBy(() -> engine.create(spec().mount(Mount.bind(Lab.directory(), "/x"))
                        .imageInit(new Furnishing.Init(List.of(Furnishing.Init.AUTO), Map.of(), Optional.empty()))
                        .build()))
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("first process");
    }

    @AfterAll
    static void asBefore() {
        System.clearProperty(PROPERTY);
    }
}
