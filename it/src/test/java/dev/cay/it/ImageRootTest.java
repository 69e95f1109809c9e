package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes of images: what they see, what the image wants, and images of what they have changed. */
@ExtendWith({RootLane.class, DetachedLane.class})
final class ImageRootTest {
    private static final Platform PLATFORM =
            Platform.parse("linux/" + (System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64"));

    /** A root file system with a user of its own, and with links that would lead into the host if somebody followed them there. */
    private static Path root() throws IOException {
        Path root = Lab.smallRoot();
        Files.writeString(root.resolve("etc/real-passwd"), "root:x:0:0::/root:/bin/sh\napp:x:1234:55::/srv:/bin/sh\n");
        Files.delete(root.resolve("etc/passwd"));
        Files.createSymbolicLink(root.resolve("etc/passwd"), Path.of("/../../etc/real-passwd"));
        Files.writeString(root.resolve("etc/group"), "root:x:0:\nstaff:x:77:\nextra:x:88:app\n");
        Files.createSymbolicLink(root.resolve("etc/hosts"), Path.of("/etc/hostname-of-the-host"));
        Files.writeString(root.resolve("etc/kept"), "kept");
        Files.createDirectories(root.resolve("old/below"));
        Files.writeString(root.resolve("old/below/file"), "old");
        return root;
    }

    private static void make(Sandboxes engine, String name, ImageConfig config) throws IOException {
        Path root = root();
        Path archive = Lab.directory().resolve("root.tar");
        assertThat(Lab.onHost("tar", "-C", root.toString(), "--numeric-owner", "-cf", archive.toString(), "."))
                .isEmpty();
        try (InputStream stream = Files.newInputStream(archive)) {
            engine.images().importRoot(stream, Optional.of(name), config);
        }
    }

    private static ImageConfig config() {
        return new ImageConfig(
                PLATFORM,
                Optional.empty(),
                List.of("/bin/sh", "-c"),
                List.of("id; pwd; echo $KIND $HOME"),
                Map.of("KIND", "image", "PATH", "/bin"),
                Optional.of("/srv/made/here"),
                Optional.of("app:staff"),
                Optional.of("SIGUSR1"),
                List.of("80/tcp"),
                List.of("/data"),
                Map.of("maker", "us"));
    }

    @Test
    void whatTheImageWantsIsDone(Sandboxes engine) throws IOException {
        make(engine, "cay-it/config", config());
        try (Sandbox sandbox = engine.create(SandboxSpec.image("cay-it/config").build())) {
            ExecResult own = sandbox.exec(sandbox.info().spec().command().orElseThrow());

            assertThat(own.stdout().lines())
                    .containsExactly("uid=1234(app) gid=77(staff) groups=77(staff)", "/srv/made/here", "image /srv");
            assertThat(sandbox.info().spec().stopSignal()).hasValue(10);
            assertThat(sandbox.info().spec().labels()).containsEntry("maker", "us");
            assertThat(Lab.sh(sandbox, "cat /etc/hosts")).contains("localhost");
        }
        try (Sandbox sandbox = engine.create(SandboxSpec.image("cay-it/config")
                .user("app")
                .environment("KIND", "own")
                .workingDirectory("/etc")
                .build())) {
            assertThat(Lab.sh(sandbox, "id -G; pwd; echo $KIND; cat kept")).isEqualTo("55 88\n/etc\nown\nkept");
        }
        engine.images().remove("cay-it/config");
    }

    /** As with docker run --read-only. */
    @Test
    void aDirectoryThatIsMissingIsMadeInAReadOnlyImageToo(Sandboxes engine) throws IOException {
        make(engine, "cay-it/config", config());
        try (Sandbox sandbox =
                engine.create(SandboxSpec.image("cay-it/config").readOnly().build())) {
            assertThat(Lab.sh(sandbox, "pwd; test -d /data && echo volume")).isEqualTo("/srv/made/here\nvolume");
            assertThat(Lab.attempt(sandbox, "touch here; mkdir /srv/other")).contains("Read-only");
        }
        engine.images().remove("cay-it/config");
    }

    @Test
    void changesAreTheSandboxesOwn(Sandboxes engine) throws IOException {
        make(engine, "cay-it/plain", ImageConfig.empty(PLATFORM));
        try (Sandbox one = engine.create(SandboxSpec.image("cay-it/plain").build());
                Sandbox other = engine.create(SandboxSpec.image("cay-it/plain").build());
                Sandbox fixed = engine.create(
                        SandboxSpec.image("cay-it/plain").readOnly().build())) {
            Lab.sh(one, "rm -r /old; echo mine > /etc/kept");

            assertThat(Lab.sh(other, "cat /old/below/file /etc/kept")).isEqualTo("oldkept");
            assertThat(Lab.attempt(fixed, "touch /x; cat /etc/kept")).contains("Read-only", "kept");
            assertThatThrownBy(() -> engine.images().remove("cay-it/plain"))
                    .isInstanceOf(SandboxException.Conflict.class);
        }
        engine.images().remove("cay-it/plain");
    }

    @Test
    void aCommitIsWhatTheSandboxWas(Sandboxes engine) throws IOException {
        make(engine, "cay-it/base", ImageConfig.empty(PLATFORM));
        try (Sandbox sandbox = engine.create(SandboxSpec.image("cay-it/base").build())) {
            Lab.sh(
                    sandbox,
                    "rm -r /old; mkdir -p /new/d; echo new > /new/d/f; chmod 700 /tmp; rm /bin/wc; echo more >> /etc/kept");
            engine.commit(sandbox, Optional.of("cay-it/committed"));
        }
        try (Sandbox sandbox =
                engine.create(SandboxSpec.image("cay-it/committed").build())) {
            assertThat(Lab.sh(sandbox, "cat /new/d/f /etc/kept; ls -d /old /bin/wc 2>/dev/null || stat -c %a /tmp"))
                    .isEqualTo("new\nkeptmore\n700");
            assertThatThrownBy(
                            () -> engine.commit(engine.create(SandboxSpec.host().build()), Optional.empty()))
                    .isInstanceOf(SandboxException.Unsupported.class);
        }
        assertThat(engine.images().check()).isEmpty();
        engine.images().remove("cay-it/committed");
        engine.images().remove("cay-it/base");
    }
}
