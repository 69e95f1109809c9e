package dev.cay.engine.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.PublishedPort;
import java.util.List;
import org.junit.jupiter.api.Test;

class PastaTest {
    @Test
    void nothingOfThisMachineIsReachedButWhoAnswersForNames() {
        assertThat(Pasta.command(10053, List.of()))
                .startsWith("/usr/bin/pasta", "--foreground")
                .contains("--no-map-gw")
                .containsSequence("--netns", "/proc/self/fd/0", "--netns-only")
                .containsSequence("--tcp-ns", "53:10053", "--udp-ns", "53:10053")
                .endsWith("--tcp-ports", "none", "--udp-ports", "none");
    }

    @Test
    void eachPortIsPublishedOnItsAddress() {
        List<PublishedPort> ports = List.of(
                PublishedPort.parse("8080:80"),
                PublishedPort.parse("0.0.0.0:8443:443"),
                PublishedPort.parse("53:5353/udp"));
        assertThat(Pasta.command(10053, ports))
                .endsWith(
                        "--tcp-ports",
                        "127.0.0.1/8080:80",
                        "--tcp-ports",
                        "0.0.0.0/8443:443",
                        "--udp-ports",
                        "127.0.0.1/53:5353");
    }
}
