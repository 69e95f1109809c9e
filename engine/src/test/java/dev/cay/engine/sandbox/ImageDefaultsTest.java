package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.Mount;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.ImageSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class ImageDefaultsTest {
    private static final String DIGEST = "sha256:" + "a".repeat(64);

    private static ImageConfig config(String signal, Map<String, String> labels) {
        return new ImageConfig(
                Platform.parse("linux/amd64"),
                Optional.empty(),
                List.of("/entry"),
                List.of("one"),
                Map.of("PATH", "/opt/bin", "KIND", "image"),
                Optional.of("/srv"),
                Optional.of("app:staff"),
                Optional.of(signal),
                List.of("80/tcp"),
                List.of("/data/", "/logs"),
                labels);
    }

    private static SandboxSpec applied(SandboxSpec spec, ImageConfig config) {
        return ImageDefaults.apply(spec, (Root.Image) spec.root(), new ImageSource.Found(DIGEST, config));
    }

    @Test
    void anImageSaysWhatASpecificationLeavesOpen() {
        SandboxSpec spec = applied(SandboxSpec.image("debian").build(), config("SIGQUIT", Map.of("maker", "somebody")));

        assertThat(spec.root()).isEqualTo(new Root.Image("debian", Optional.of(DIGEST)));
        assertThat(spec.environment()).isEqualTo(Map.of("PATH", "/opt/bin", "KIND", "image"));
        assertThat(spec.workingDirectory()).hasValue("/srv");
        assertThat(spec.user()).hasValue("app:staff");
        assertThat(spec.stopSignal()).hasValue(3);
        assertThat(spec.labels()).isEqualTo(Map.of("maker", "somebody"));
        assertThat(spec.command().orElseThrow().command()).containsExactly("/entry", "one");
        assertThat(spec.mounts()).isEmpty();
    }

    @Test
    void whatASpecificationSaysCountsMore() {
        SandboxSpec spec = applied(
                SandboxSpec.image("debian")
                        .environment("KIND", "own")
                        .workingDirectory("/")
                        .user("root")
                        .stopSignal(15)
                        .label("maker", "me")
                        .command(ExecSpec.of("other"))
                        .readOnly()
                        .mount(Mount.volume("v", "/data"))
                        .build(),
                config("9", Map.of("maker", "somebody", "more", "x")));

        assertThat(spec.environment()).isEqualTo(Map.of("PATH", "/opt/bin", "KIND", "own"));
        assertThat(spec.workingDirectory()).hasValue("/");
        assertThat(spec.user()).hasValue("root");
        assertThat(spec.stopSignal()).hasValue(15);
        assertThat(spec.labels()).isEqualTo(Map.of("maker", "me", "more", "x"));
        assertThat(spec.command().orElseThrow().command()).containsExactly("other");
        assertThat(spec.mounts()).extracting(Mount::target).containsExactly("/data", "/logs");
    }

    @Test
    void labelsThatHaveNoRoomAreLeftOut() {
        Map<String, String> many = new TreeMap<>();
        for (int i = 0; i < 100; i++) {
            many.put("label" + i, "x");
        }
        SandboxSpec spec = applied(SandboxSpec.image("debian").label("a", "b").build(), config("9", many));

        assertThat(spec.labels()).isEqualTo(Map.of("a", "b"));
    }

    @Test
    void stopSignals() {
        assertThat(ImageDefaults.number("SIGTERM")).hasValue(15);
        assertThat(ImageDefaults.number("winch")).hasValue(28);
        assertThat(ImageDefaults.number("10")).hasValue(10);
        assertThat(ImageDefaults.number("SIGRTMIN+3")).hasValue(37);
        assertThat(ImageDefaults.number("RTMAX-1")).hasValue(63);
        for (String none : List.of("", "0", "65", "SIG", "SIGRTMIN+40", "RTMAX-90", "QUITE")) {
            assertThat(ImageDefaults.number(none)).as(none).isEmpty();
        }
        assertThatThrownBy(() -> applied(SandboxSpec.image("debian").build(), config("STOPP", Map.of())))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining("STOPP");
    }

    @Test
    void commandLinesAreThoseOfDocker() {
        ImageConfig config = config("9", Map.of());

        assertThat(config.commandLine(Optional.empty(), List.of())).containsExactly("/entry", "one");
        assertThat(config.commandLine(Optional.empty(), List.of("two"))).containsExactly("/entry", "two");
        assertThat(config.commandLine(Optional.of(List.of("sh")), List.of())).containsExactly("sh");
        assertThat(config.commandLine(Optional.of(List.of("sh")), List.of("-c")))
                .containsExactly("sh", "-c");
        assertThat(config.commandLine(Optional.of(List.of()), List.of("ls"))).containsExactly("ls");
    }
}
