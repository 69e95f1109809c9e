package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ImageProgress;
import dev.cay.ImageProgress.Step;
import dev.cay.SandboxException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code cay pull}, {@code cay image} and {@code cay registry}. */
class ImageCommandsTest {
    private static final String DIGEST = "sha256:" + "a".repeat(64);

    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @TempDir
    private Path folder;

    private void progress() {
        engine.images.progress.add(new ImageProgress.Found("debian:12", DIGEST, 2));
        engine.images.progress.add(new ImageProgress.Layer("sha256:0123456789abcdef", Step.PULLING, 0, 4096));
        engine.images.progress.add(new ImageProgress.Layer("sha256:0123456789abcdef", Step.PULLING, 2048, 4096));
        engine.images.progress.add(new ImageProgress.Retry("cut\u001b[31m", Duration.ofMillis(250)));
        engine.images.progress.add(new ImageProgress.Layer("sha256:0123456789abcdef", Step.DONE, 4096, 4096));
    }

    @Test
    void pullSaysHowFarItIs() {
        progress();

        assertThat(terminal.run("pull", "debian:12", "--platform", "linux/arm64"))
                .isZero();
        assertThat(terminal.out()).isEqualTo(DIGEST + "\n");
        assertThat(terminal.err()).isEqualTo("""
                pulling debian:12: 2 layers
                  0123456789ab  pulling  4k
                trying again in 250 ms: cut\\x1b[31m
                  0123456789ab  done  4k
                """);
        assertThat(engine.images.calls).containsExactly("pull debian:12 for linux/arm64");
        assertThat(engine.closed).contains("engine");
    }

    @Test
    void onATerminalItIsPainted() {
        progress();

        assertThat(terminal.interactive().run("pull", "debian:12")).isZero();
        assertThat(terminal.err())
                .contains("  0123456789ab  pulling [------------------------] 0/4k\u001b[K\n")
                .contains("\u001b[1A  0123456789ab  pulling [############------------] 2k/4k\u001b[K\n")
                .contains("\u001b[1A\u001b[Jtrying again in 250 ms: cut\\x1b[31m\n")
                .endsWith("  0123456789ab  done  4k\u001b[K\n\u001b[J\u001b[?7h");
    }

    @Test
    void pullWritesEvents() {
        progress();

        assertThat(terminal.run("pull", "debian:12", "--format", "json")).isZero();
        assertThat(terminal.out().lines())
                .hasSize(6)
                .first()
                .isEqualTo("{\"event\":\"found\",\"name\":\"debian:12\",\"digest\":\"" + DIGEST + "\",\"layers\":2}");
        assertThat(terminal.out())
                .contains(
                        "{\"event\":\"layer\",\"layer\":\"sha256:0123456789abcdef\",\"step\":\"pulling\",\"bytes\":2048,"
                                + "\"total_bytes\":4096}")
                .contains("\"event\":\"retry\"")
                .contains("{\"event\":\"pulled\",\"digest\":\"" + DIGEST + "\"");
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void pullIsQuiet() {
        progress();

        assertThat(terminal.run("pull", "-q", "debian:12")).isZero();
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void whatFailsIsSaid() {
        engine.images.failure = Optional.of(
                new SandboxException.RegistryFailed("it is gone", "try again later", 503, new IOException()));

        assertThat(terminal.run("pull", "debian:12")).isEqualTo(ExitCode.FAILURE);
        assertThat(terminal.err()).isEqualTo("cay: error [registry-failed]: it is gone\nhint: try again later\n");
    }

    @Test
    void imagesAreListedAndInspected() {
        engine.images.images.add(FakeImages.info("debian:12", 'b'));

        assertThat(terminal.run("image", "ls")).isZero();
        assertThat(terminal.out())
                .startsWith("debian:12\tbbbbbbbbbbbb\tlinux/amd64\t")
                .endsWith("\t3m\t1m\t-\n");
        assertThat(terminal.run("image", "ls", "-q")).isZero();
        assertThat(terminal.out()).endsWith("sha256:" + "b".repeat(64) + "\n");
        assertThat(terminal.run("image", "ls", "--format", "json")).isZero();
        assertThat(terminal.out()).contains("\"size_bytes\":3145728,\"unshared_bytes\":1048576");
        assertThat(terminal.run("image", "inspect", "debian:12")).isZero();
        assertThat(terminal.out())
                .contains("\"entrypoint\": [\n      \"/entry\"\n    ]")
                .contains("\"working_directory\": \"/srv\"")
                .contains("\"content_bytes\": 9437184");
        terminal.out.reset();
        assertThat(terminal.run("image", "inspect", "none", "debian:12")).isEqualTo(ExitCode.PARTIAL);
        assertThat(terminal.err()).startsWith("cay: error [not-found]: ");
        assertThat(terminal.out()).contains("\"content_bytes\": 9437184");
        terminal.out.reset();
        assertThat(terminal.run("image", "inspect", "--format", "json", "none")).isEqualTo(ExitCode.PARTIAL);
        assertThat(terminal.out()).startsWith("{\"name\":\"none\",\"error\":{\"code\":\"not-found\",");
    }

    @Test
    void imagesAreTaggedRemovedAndPruned() {
        engine.images.images.add(FakeImages.info("a:1", 'b'));

        assertThat(terminal.run("image", "tag", "a:1", "b:1")).isZero();
        assertThat(terminal.run("image", "rm", "a:1", "c:1")).isEqualTo(ExitCode.PARTIAL);
        assertThat(terminal.out()).isEqualTo("a:1\n");
        assertThat(terminal.err()).contains("there is no image c:1");
        assertThat(terminal.run("image", "prune", "--all")).isZero();
        assertThat(terminal.err()).endsWith("freed 7m\n");
        assertThat(terminal.run("image", "prune", "--format=json")).isZero();
        assertThat(terminal.out()).endsWith("\"freed_bytes\":7340032}\n");
        assertThat(engine.images.calls).containsExactly("tag a:1 b:1", "prune true", "prune false");
    }

    @Test
    void whatIsDamagedIsTold() {
        assertThat(terminal.run("image", "check")).isZero();
        assertThat(terminal.err()).isEqualTo("all is well\n");
        engine.images.wrong.add("a layer is damaged");
        assertThat(terminal.run("image", "check")).isEqualTo(ExitCode.PARTIAL);
        assertThat(terminal.out()).isEqualTo("a layer is damaged\n");
    }

    @Test
    void archivesAreReadAndWritten() throws IOException {
        Path archive = Files.writeString(folder.resolve("a.tar"), "content");

        assertThat(terminal.run("image", "load", "-f", archive.toString())).isZero();
        assertThat(terminal.out()).isEqualTo("loaded:latest\n");
        assertThat(terminal.run(
                        "image",
                        "import",
                        "my/root",
                        "-f",
                        archive.toString(),
                        "--cmd",
                        "sh",
                        "--cmd=-l",
                        "-e",
                        "A=b=c",
                        "-l",
                        "k=v"))
                .isZero();
        assertThat(engine.images.calls).containsExactly("load content", "import content [sh, -l]{A=b=c}{k=v}");
        Path saved = folder.resolve("saved.tar");
        assertThat(terminal.run("image", "save", "my/root", "-f", saved.toString()))
                .isZero();
        assertThat(saved).hasContent("my/root");
        assertThat(terminal.run(
                        "image",
                        "save",
                        "none",
                        "-f",
                        folder.resolve("none.tar").toString()))
                .isEqualTo(ExitCode.FAILURE);
        assertThat(folder).isDirectoryNotContaining(file -> file.toString().contains("none"));
        assertThat(terminal.run("image", "load", "-f", folder.resolve("missing").toString()))
                .isEqualTo(ExitCode.FAILURE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "image",
                "image no",
                "image ls x",
                "image ls --all",
                "image inspect",
                "image tag a",
                "image rm",
                "image rm -f x a",
                "image prune x",
                "image load x",
                "image load --cmd x",
                "image import a b",
                "image import a -e B",
                "image save",
                "pull",
                "pull a b",
                "registry",
                "registry login",
                "registry login -u a",
                "registry login a b",
                "registry logout -u a",
                "registry no"
            })
    void whatMakesNoSenseIsRefused(String line) {
        assertThat(terminal.run(line.split(" "))).isEqualTo(ExitCode.FAILURE);
        assertThat(terminal.err()).contains("[usage]");
        assertThat(engine.images.calls).isEmpty();
    }

    /** By the name that was given, not by that of what is written meanwhile. */
    @Test
    void anArchiveThatCannotBeMadeIsTold() {
        Path file = folder.resolve("none/a.tar");
        assertThat(terminal.run("image", "save", "--file", file.toString(), "a"))
                .isEqualTo(ExitCode.FAILURE);
        assertThat(terminal.err()).contains("there is no '" + file + "', or no directory for it\nhint: ");
    }

    /** As what the caller has closed, or of a program that could not be run. */
    @Test
    void anEmptyInputIsNoArchive() {
        for (List<String> command : List.of(List.of("image", "load"), List.of("image", "import", "my/root"))) {
            terminal.in = new ByteArrayInputStream(new byte[0]);
            assertThat(terminal.run(command.toArray(String[]::new))).isEqualTo(ExitCode.FAILURE);
            assertThat(terminal.err()).contains("there is no archive on standard input");
            terminal.err.reset();
        }
        assertThat(engine.images.images).isEmpty();
    }

    @Test
    void whoeverReadsAnArchiveMayLeave() {
        terminal.in = new ByteArrayInputStream(new byte[512]);
        terminal.run("image", "import", "my/root");
        terminal.brokenOut = Optional.of(Terminal.failingAfter(1, "Broken pipe"));
        terminal.pipes = true;
        assertThat(terminal.run("image", "save", "my/root")).isEqualTo(141);
    }

    @Test
    void passwordsComeFromStandardInput() {
        terminal.in = new ByteArrayInputStream("secret\nmore".getBytes(StandardCharsets.UTF_8));

        assertThat(terminal.run("registry", "login", "-u", "me", "--password-stdin", "r.example"))
                .isZero();
        assertThat(terminal.run("registry", "logout")).isZero();
        assertThat(engine.images.calls).containsExactly("login r.example me secret", "logout docker.io");
    }
}
