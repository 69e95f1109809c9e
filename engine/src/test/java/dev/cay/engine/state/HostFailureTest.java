package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

final class HostFailureTest {
    @TempDir
    private Path directory;

    private static String text(Executable action) {
        try {
            action.execute();
        } catch (IOException e) {
            return HostFailure.text(e);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("it has worked");
    }

    /** As the JDK throws them. */
    @Test
    void noFileIsTheWholeReason() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        assertThat(text(() -> Files.readString(directory.resolve("none"))))
                .isEqualTo(directory + "/none: there is no such file or directory");
        assertThat(text(() -> Files.createDirectory(file))).isEqualTo(file + ": it is there already");
        assertThat(text(() -> Files.delete(directory))).isEqualTo(directory + ": the directory is not empty");
        assertThat(text(() -> Files.newDirectoryStream(file).close())).isEqualTo(file + ": it is no directory");
        assertThat(text(() -> Files.readString(file.resolve("x")))).isEqualTo(file + "/x: Not a directory");
    }

    @Test
    void whoMayNotIsToldWhoMay() {
        SandboxException denied = HostFailure.of("the networks", "", new AccessDeniedException("/run/cay"));
        assertThat(denied).hasMessage("the networks: /run/cay: permission denied");
        assertThat(denied.hint()).isEqualTo("run cay as the user whom it belongs to, or as root");
        SandboxException full = HostFailure.of(
                "cannot pull", "make room", new FileSystemException("/x", null, "No space left on device"));
        assertThat(full).hasMessage("cannot pull: /x: No space left on device");
        assertThat(full.hint()).isEqualTo("make room");
        assertThat(HostFailure.text(new IOException("fsopen(overlay): ENODEV"))).isEqualTo("fsopen(overlay): ENODEV");
    }
}
