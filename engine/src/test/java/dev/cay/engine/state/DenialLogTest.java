package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DenialLogTest {
    private static DeniedConnection denied(
            String protocol, OptionalInt port, Optional<String> domain, long suppressed) {
        return new DeniedConnection(
                Instant.ofEpochSecond(1_700_000_000, 5),
                "id",
                "name",
                protocol,
                InetAddress.ofLiteral("2001:db8::1"),
                port,
                domain,
                "rule 3 says 'deny private'",
                suppressed);
    }

    @Test
    void whatIsWrittenIsReadAndFollowed(@TempDir Path base) throws IOException {
        DeniedConnection first = denied("tcp", OptionalInt.of(22), Optional.of("a.test"), 0);
        DeniedConnection second = denied("icmp", OptionalInt.empty(), Optional.empty(), 70);
        DenialLog log = DenialLog.open(base);
        log.append(first);
        try (DeniedConnections follower = DenialLog.open(base).follow()) {
            Files.writeString(base.toRealPath().resolve("denied"), "torn", StandardOpenOption.APPEND);
            log.append(second);
            assertThat(follower.next(Duration.ofSeconds(20))).containsExactly(second);
            assertThat(follower.next(Duration.ZERO)).isEmpty();
        }
        assertThat(log.all()).containsExactly(first, second);
    }
}
