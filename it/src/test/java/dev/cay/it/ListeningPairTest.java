package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.HostKernel;
import dev.cay.linux.ListeningPair;
import dev.cay.linux.Poll;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** It makes a file system, so it needs root. */
@ExtendWith(RootLane.class)
final class ListeningPairTest {
    @Test
    void whoConnectedWaitsForTheOneWhoAccepts() throws IOException {
        try (HostKernel host = new HostKernel();
                ListeningPair pair = ListeningPair.create(host)) {
            assertThat(Poll.await(0, Poll.Interest.reading(pair.listener()))).isEqualTo(1);
            assertThat(Files.readString(Path.of("/proc/self/mounts"))).doesNotContain("/proc/self/fd");
        }
    }
}
