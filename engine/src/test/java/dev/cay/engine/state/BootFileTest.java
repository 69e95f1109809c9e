package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BootFileTest {
    @TempDir
    private Path directory;

    @Test
    void whatIsWrittenIsRead() throws IOException {
        List<BootStep> steps = List.of(
                new BootStep("limits", Duration.ofNanos(1_700_000_001), Duration.ofNanos(5), Optional.empty()),
                new BootStep("accounts", Duration.ofSeconds(2), Duration.ZERO, Optional.of("openat(\"x\"): EROFS")));
        Path file = directory.resolve("boot.json");
        assertThat(BootFile.read(file)).isEmpty();
        BootFile.write(file, steps);
        assertThat(BootFile.read(file)).isEqualTo(steps);
        Files.writeString(file, "{\"version\":1,\"steps\":[{\"name\":\"x\",\"at\":-1}]}");
        assertThatThrownBy(() -> BootFile.read(file)).isInstanceOf(SandboxException.HostFailed.class);
    }
}
