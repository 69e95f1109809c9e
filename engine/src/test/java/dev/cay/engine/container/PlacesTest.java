package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PlacesTest {
    private static final long USER = 4711;

    @TempDir
    private Path directory;

    private Places places(Path runtime) {
        return Places.of(USER, Map.of("XDG_RUNTIME_DIR", runtime.toString()), directory.resolve("home"));
    }

    @Test
    void anOrdinaryUsersAreInHisDirectories() {
        assertThat(places(directory).run()).isEqualTo(directory.resolve("cay"));
        assertThat(places(directory).data()).isEqualTo(directory.resolve("home/.local/share/cay"));
        assertThat(places(directory.resolve("none")).run()).isEqualTo(Path.of("/tmp/cay-" + USER));
        assertThat(Places.of(0, Map.of("XDG_RUNTIME_DIR", "/run/user/0"), directory)
                        .run())
                .isEqualTo(Path.of("/run/cay"));
    }

    @Test
    void whereThereIsNoRoomForThemIsTold() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        Places nowhere = new Places(USER, file.resolve("cay"), directory);
        assertThatThrownBy(nowhere::makeRun)
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessage("what is known of sandboxes has no place: cannot make " + file + "/cay: Not a directory")
                .extracting(e -> ((SandboxException) e).hint())
                .asString()
                .contains("unset it");
    }

    @Test
    void whatBelongsToSomebodyElseIsNotTaken() throws IOException {
        Files.createDirectory(directory.resolve("cay"));
        assertThatThrownBy(places(directory)::makeRun)
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessageContaining("belongs to somebody else");
    }
}
