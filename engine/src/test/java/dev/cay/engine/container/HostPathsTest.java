package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Mount;
import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class HostPathsTest {
    @TempDir
    private Path temporary;

    private Path host;

    /** A host as it is usually laid out, with a file in each directory. */
    @BeforeEach
    void layOut() throws IOException {
        host = temporary.toRealPath();
        for (String directory : new String[] {
            "boot",
            "dev/shm",
            "etc/ssl",
            "home/ann/work",
            "opt",
            "proc/1",
            "root/work",
            "run/user",
            "srv/data",
            "sys/fs",
            "usr/bin",
            "usr/share",
            "var/lib/cay/volumes",
            "var/lib/data",
            "var/tmp",
            "tmp"
        }) {
            Files.createDirectories(host.resolve(directory));
        }
        Files.writeString(host.resolve("etc/passwd"), "");
        Files.createSymbolicLink(host.resolve("bin"), Path.of("usr/bin"));
        Files.createSymbolicLink(host.resolve("var/run"), Path.of("../run"));
        Files.createSymbolicLink(host.resolve("srv/etc"), Path.of("../etc"));
        Files.createSymbolicLink(host.resolve("srv/work"), Path.of("../home/ann/work"));
    }

    private Path require(String path, boolean readOnly, boolean anywhere) {
        Path source = path.equals("/") ? host : host.resolve(path.substring(1));
        return new HostPaths(host).require(new Mount.Bind(source, "/x", readOnly, true, anywhere));
    }

    @ParameterizedTest
    @CsvSource({
        "/, true",
        "/boot, true",
        "/dev, true",
        "/dev/shm, true",
        "/etc, true",
        "/etc/ssl, true",
        "/etc/passwd, true",
        "/home, true",
        "/proc, true",
        "/proc/1, true",
        "/root, true",
        "/root/work, true",
        "/run, true",
        "/run/user, true",
        "/sys, true",
        "/sys/fs, true",
        "/usr, true",
        "/usr/bin, true",
        "/usr/share, false",
        "/bin, true",
        "/var, true",
        "/var/lib, true",
        "/var/lib/cay, true",
        "/var/lib/cay/volumes, true",
        "/var/run, true",
        "/var/run/user, true",
        "/srv/etc, true",
        "/srv/etc/passwd, true"
    })
    void whatGivesAwayTheHostIsRefused(String path, boolean readOnly) {
        assertThatThrownBy(() -> require(path, readOnly, false))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining("a sandbox does not get");
        assertThat(require(path, readOnly, true)).exists();
    }

    @ParameterizedTest
    @CsvSource({
        "/home/ann, false",
        "/home/ann/work, false",
        "/opt, false",
        "/srv, false",
        "/srv/data, false",
        "/srv/work, false",
        "/tmp, false",
        "/usr/share, true",
        "/var/lib/data, false",
        "/var/tmp, false"
    })
    void theRestIsNot(String path, boolean readOnly) throws IOException {
        assertThat(require(path, readOnly, false))
                .isEqualTo(host.resolve(path.substring(1)).toRealPath());
    }

    @Test
    void aRefusalSaysWhereALinkLeads() {
        assertThatThrownBy(() -> require("/srv/etc/passwd", true, false))
                .hasMessageContaining("which is " + host.resolve("etc/passwd"));
    }

    @Test
    void whatDoesNotExistIsRefused() throws IOException {
        Files.createSymbolicLink(host.resolve("srv/dangling"), Path.of("nowhere"));
        for (String path : new String[] {"/srv/none", "/srv/dangling", "/etc/passwd/x"}) {
            assertThatThrownBy(() -> require(path, true, true)).isInstanceOf(SandboxException.InvalidSpec.class);
        }
    }

    @Test
    void devicesAreRefused() {
        Mount.Bind device = new Mount.Bind(Path.of("/dev/null"), "/x", true, true, true);
        assertThatThrownBy(() -> HostPaths.ofThisMachine().require(device))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining("is a device");
    }
}
