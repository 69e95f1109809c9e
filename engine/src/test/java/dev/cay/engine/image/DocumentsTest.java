package dev.cay.engine.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Documents are not to be trusted: whatever they are, they are read, or refused in a {@link SandboxException.BadImage}. */
final class DocumentsTest {
    private static final String A = "sha256:" + "a".repeat(64);
    private static final String B = "sha256:" + "b".repeat(64);
    private static final String MANIFEST = """
            {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
             "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "%s", "size": 7},
             "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "%s", "size": 12,
                         "annotations": {"a": {"b": [1, null]}}}],
             "annotations": {"x": "y"}}""".formatted(A, B);
    private static final String INDEX = """
            {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json", "manifests": [
             {"digest": "%s", "size": 1, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
             {"digest": "%s", "size": 2, "platform": {"os": "linux", "architecture": "amd64", "os.version": ""}},
             {"digest": "%s", "size": 3, "platform": {"os": "unknown", "architecture": "unknown"}}]}""".formatted(A, B, A);
    private static final String CONFIG = """
            {"architecture": "amd64", "os": "linux", "created": "2026-01-02T03:04:05Z", "author": "somebody",
             "config": {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["id", ""], "Env": ["PATH=/bin", "A=1=2", "A=3", "E="],
                        "WorkingDir": "srv", "User": "www:www", "StopSignal": "SIGINT", "Healthcheck": {"Test": ["NONE"]},
                        "ExposedPorts": {"80/tcp": {}, "443/udp": null}, "Volumes": {"/data": {}}, "OnBuild": null,
                        "Labels": {"k": "v"}},
             "history": [{"created_by": "x", "empty_layer": true}],
             "rootfs": {"type": "layers", "diff_ids": ["%s", "%s"]}}""".formatted(A, B);

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static ImageDocument document(String json) {
        return Documents.document(bytes(json), "", "the manifest");
    }

    @Test
    void readsManifests() {
        assertThat(document(MANIFEST))
                .isEqualTo(new ImageDocument.Manifest(
                        MediaTypes.OCI_MANIFEST,
                        new Descriptor(MediaTypes.OCI_CONFIG, digest(A), 7, Optional.empty(), Optional.empty()),
                        List.of(new Descriptor(
                                MediaTypes.OCI_LAYER + "+gzip", digest(B), 12, Optional.empty(), Optional.empty()))));
    }

    @Test
    void readsIndexesAndChooses() {
        ImageDocument.Index index = (ImageDocument.Index) document(INDEX);

        assertThat(index.mediaType()).isEqualTo(MediaTypes.DOCKER_INDEX);
        assertThat(index.images()).hasSize(3);
        assertThat(PlatformChoice.choose(index.images(), Platform.parse("linux/amd64")))
                .hasValueSatisfying(image -> assertThat(image.size()).isEqualTo(2));
        assertThat(PlatformChoice.choose(index.images(), Platform.parse("linux/arm64")))
                .hasValueSatisfying(image -> assertThat(image.size()).isEqualTo(1));
        assertThat(PlatformChoice.choose(index.images(), Platform.parse("linux/amd64/v3")))
                .isEmpty();
        assertThat(PlatformChoice.choose(index.images(), Platform.parse("linux/riscv64")))
                .isEmpty();
    }

    @Test
    void readsConfigs() {
        ConfigDocument document = Documents.config(bytes(CONFIG), "the config");

        assertThat(document.layers()).containsExactly(digest(A), digest(B));
        assertThat(document.config())
                .isEqualTo(new ImageConfig(
                        Platform.parse("linux/amd64"),
                        Optional.of("2026-01-02T03:04:05Z"),
                        List.of("/bin/sh", "-c"),
                        List.of("id", ""),
                        Map.of("PATH", "/bin", "A", "3", "E", ""),
                        Optional.of("/srv"),
                        Optional.of("www:www"),
                        Optional.of("SIGINT"),
                        List.of("80/tcp", "443/udp"),
                        List.of("/data"),
                        Map.of("k", "v")));
        assertThat(document.config().commandLine()).containsExactly("/bin/sh", "-c", "id", "");
    }

    @Test
    void anOldConfigHasStrings() {
        String json =
                "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Cmd\":\"sh\",\"Env\":null,\"User\":\"\"},"
                        + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}";
        ImageConfig config = Documents.config(bytes(json), "the config").config();

        assertThat(config.command()).containsExactly("sh");
        assertThat(config.user()).isEmpty();
    }

    static List<Named<String>> wrongManifests() {
        String manifest = MANIFEST.replaceAll("\\s*\\n\\s*", "");
        return List.of(
                Named.of("both at once", manifest.replace("\"layers\"", "\"manifests\":[],\"layers\"")),
                Named.of("neither", "{\"schemaVersion\": 2}"),
                Named.of("schema 1", "{\"schemaVersion\": 1, \"fsLayers\": []}"),
                Named.of("another type", manifest.replace("image.manifest", "image.index")),
                Named.of("a chart", manifest.replace("vnd.oci.image.config", "vnd.cncf.helm.config")),
                Named.of("no tar", manifest.replace("layer.v1.tar+gzip", "layer.v1.tar+xz")),
                Named.of("twice", manifest.replace("\"size\": 12", "\"size\": 12, \"size\": 13")),
                Named.of("negative", manifest.replace("\"size\": 12", "\"size\": -12")),
                Named.of("too much", manifest.replace("\"size\": 12", "\"size\": 18446744073709551615")),
                Named.of("md5", manifest.replace(B, "md5:" + "b".repeat(32))),
                Named.of("upper case", manifest.replace(B, B.replace('b', 'B'))),
                Named.of("a path", manifest.replace(B, "sha256:../../../../../../../../etc/passwd" + "b".repeat(27))),
                Named.of("no digest", manifest.replace("\"digest\"", "\"digests\"")),
                Named.of("two texts", manifest + "{}"),
                Named.of("cut", manifest.substring(0, manifest.length() - 1)),
                Named.of("empty", ""),
                Named.of("null", "null"),
                Named.of(
                        "many layers",
                        manifest.replace(
                                "\"layers\": [",
                                "\"layers\": ["
                                        + ("{\"mediaType\":\"" + MediaTypes.OCI_LAYER + "\",\"digest\":\"" + A
                                                        + "\",\"size\":1},")
                                                .repeat(500))),
                Named.of("deep", "{\"a\":".repeat(100_000)),
                Named.of("deep where it is passed over", "{\"a\":" + "[".repeat(1_000_000)),
                Named.of("large", " ".repeat(Documents.MAXIMUM_MANIFEST) + manifest));
    }

    @ParameterizedTest
    @MethodSource
    void wrongManifests(String json) {
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThatThrownBy(() -> document(json))
                        .isInstanceOf(SandboxException.BadImage.class)
                        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300)));
    }

    static List<Named<String>> wrongConfigs() {
        return List.of(
                Named.of("no variable", CONFIG.replace("E=", "E")),
                Named.of("a variable without a name", CONFIG.replace("E=", "=E")),
                Named.of("NUL in a variable", CONFIG.replace("E=", "E=\\u0000")),
                Named.of("NUL in the command", CONFIG.replace("\"id\"", "\"\\u0000\"")),
                Named.of("a long command", CONFIG.replace("\"id\"", "\"" + "x".repeat(200_000) + "\"")),
                Named.of("no array", CONFIG.replace("[\"id\", \"\"]", "{}")),
                Named.of("another root", CONFIG.replace("\"type\": \"layers\"", "\"type\": \"disk\"")),
                Named.of("no root", CONFIG.replace("rootfs", "roots")),
                Named.of("no platform", CONFIG.replace("\"os\"", "\"oz\"")),
                Named.of("a long directory", CONFIG.replace("srv", "x/".repeat(4000))),
                Named.of("many variables", CONFIG.replace("\"A=3\"", "\"A=3\"" + variables(10_000))));
    }

    private static String variables(int count) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append(",\"V").append(i).append("=\"");
        }
        return text.toString();
    }

    @ParameterizedTest
    @MethodSource
    void wrongConfigs(String json) {
        assertThatThrownBy(() -> Documents.config(bytes(json), "the config"))
                .isInstanceOf(SandboxException.BadImage.class)
                .hasMessageContaining("the config");
    }

    /** Bytes changed, doubled and cut anywhere: an answer, or a refusal that names no more than it must. */
    @Test
    void damagedDocuments() {
        Seeded.run(random -> {
            for (int i = 0; i < 6000; i++) {
                String whole = List.of(MANIFEST, INDEX, CONFIG).get(random.nextInt(3));
                byte[] damaged = damaged(random, bytes(whole));
                try {
                    if (whole.equals(CONFIG)) {
                        Documents.config(damaged, "the config");
                    } else {
                        Documents.document(damaged, "", "the manifest");
                    }
                } catch (SandboxException.BadImage e) {
                    assertThat(e.getMessage()).hasSizeLessThan(500);
                }
            }
        });
    }

    private static byte[] damaged(Random random, byte[] whole) {
        byte[] damaged = whole.clone();
        for (int n = random.nextInt(4); n >= 0; n--) {
            int at = random.nextInt(damaged.length);
            switch (random.nextInt(3)) {
                case 0 -> damaged[at] = (byte) random.nextInt(256);
                case 1 -> damaged[at] = (byte) "{}[],:\"0\\".charAt(random.nextInt(9));
                default -> {
                    int to = random.nextInt(damaged.length);
                    System.arraycopy(
                            whole, at, damaged, to, random.nextInt(Math.min(whole.length - at, damaged.length - to)));
                }
            }
        }
        return damaged;
    }

    private static Digest digest(String text) {
        return Digest.parse(text).orElseThrow();
    }
}
