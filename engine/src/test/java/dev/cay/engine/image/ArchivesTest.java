package dev.cay.engine.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.ImageDetails;
import dev.cay.ImageInfo;
import dev.cay.SandboxException;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarWriter;
import dev.cay.engine.state.Directories;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that come from archives, and go into them. */
final class ArchivesTest {
    private static final ImageConfig CONFIG = new ImageConfig(
            Platform.parse("linux/amd64"),
            Optional.of("2026-01-01T00:00:00Z"),
            List.of("/bin/sh", "-c"),
            List.of("echo ü"),
            Map.of("PATH", "/bin"),
            Optional.of("/srv"),
            Optional.of("www:www"),
            Optional.of("SIGINT"),
            List.of("80/tcp"),
            List.of("/data"),
            Map.of("k", "v"));

    @TempDir
    private Path folder;

    private LocalImages images;
    private LocalImages others;

    @BeforeEach
    void here() throws IOException {
        images = open("images");
        others = open("others");
    }

    private LocalImages open(String name) throws IOException {
        Path base = folder.resolve(name);
        return LocalImages.open(base, _ -> false, new ErofsLayers(), Surroundings.of(base));
    }

    private static byte[] tar(Map<String, byte[]> files) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(out);
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            Kind kind = file.getKey().endsWith("/") ? new Kind.Directory() : new Kind.File(file.getValue().length);
            tar.add(
                    new TarEntry(ByteString.of(file.getKey()), kind, 0755, 0, 0, Instant.EPOCH, Map.of()),
                    new ByteArrayInputStream(file.getValue()));
        }
        tar.finish();
        return out.toByteArray();
    }

    private static byte[] root(String content) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("bin/", new byte[0]);
        files.put("bin/sh", Bytes.of(content));
        files.put("big", Bytes.of(content.repeat(50_000)));
        return tar(files);
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private static InputStream in(byte[] bytes) {
        return new ByteArrayInputStream(bytes);
    }

    private static byte[] save(LocalImages from, String... references) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        from.save(List.of(references), out);
        return out.toByteArray();
    }

    private List<ImageInfo> load(LocalImages into, byte[] archive) {
        return into.load(in(archive), step -> {});
    }

    @Test
    void aRootFileSystemBecomesAnImage() throws IOException {
        ImageInfo image = images.importRoot(in(gzip(root("shell"))), Optional.of("my/root:1"), CONFIG);
        ImageDetails details = images.inspect("my/root:1");

        assertThat(image.names()).containsExactly("my/root:1");
        assertThat(details.config()).isEqualTo(CONFIG);
        assertThat(details.layers())
                .singleElement()
                .satisfies(layer ->
                        assertThat(layer.digest()).isEqualTo(digestOf("shell").toString()));
        assertThat(images.check()).isEmpty();
        assertThat(images.importRoot(in(root("shell")), Optional.empty(), CONFIG)
                        .digest())
                .isEqualTo(image.digest());
        assertThatThrownBy(() -> images.importRoot(in(Bytes.of("no archive".repeat(100))), Optional.empty(), CONFIG))
                .isInstanceOf(SandboxException.BadImage.class);
        assertThatThrownBy(() -> images.importRoot(in(root("x")), Optional.of("a@" + digestOf("x")), CONFIG))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    private static Digest digestOf(String content) {
        try {
            return Digest.of(root(content));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anImageGetsAnotherLayer() throws IOException {
        images.importRoot(in(root("base")), Optional.of("base"), CONFIG);
        ImageInfo image = images.extend("base", in(root("upper")), Optional.of("upper"), CONFIG);

        assertThat(images.inspect("upper").layers())
                .extracting(ImageDetails.Layer::digest)
                .containsExactly(digestOf("base").toString(), digestOf("upper").toString());
        assertThat(image.names()).containsExactly("upper:latest");
    }

    @Test
    void whatIsSavedIsLoaded() throws IOException {
        images.importRoot(in(root("one")), Optional.of("one"), CONFIG);
        images.extend("one", in(root("two")), Optional.of("r.example/two:2"), CONFIG);
        images.tag("one", "uno");
        byte[] archive = save(images, "one", "r.example/two:2");
        List<ImageInfo> loaded = load(others, gzip(archive));

        assertThat(loaded)
                .extracting(ImageInfo::names)
                .containsExactly(List.of("one:latest"), List.of("r.example/two:2"));
        assertThat(others.inspect("one").config()).isEqualTo(CONFIG);
        assertThat(others.check()).isEmpty();
        // What was made once is made again byte by byte.
        assertThat(save(others, "one", "r.example/two:2")).isEqualTo(archive);
        assertThat(load(others, archive)).isEqualTo(loaded);
        assertThat(Directories.names(folder.resolve("others/pins"))).isEmpty();
        assertThatThrownBy(() -> save(images, "one", "three")).isInstanceOf(SandboxException.NotFound.class);
    }

    private byte[] docker(String config, String layer, String names) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("abc/", new byte[0]);
        files.put("abc/layer.tar", Bytes.of(layer).length == 0 ? new byte[0] : root(layer));
        files.put("abc/json", Bytes.of("{}"));
        files.put("c.json", Bytes.of(config));
        files.put(
                "manifest.json",
                Bytes.of("[{\"Config\":\"c.json\",\"RepoTags\":" + names
                        + ",\"Layers\":[\"abc/layer.tar\",\"abc/layer.tar\"],\"Other\":{}}]"));
        return tar(files);
    }

    private static String config(Digest... layers) {
        return "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
                + layers[0] + "\",\"" + layers[1] + "\"]}}";
    }

    @Test
    void whatDockerSavedIsLoaded() throws IOException {
        String config = config(digestOf("x"), digestOf("x"));
        ImageInfo image =
                load(images, docker(config, "x", "[\"a:1\",\"r.example/b:2\"]")).get(0);

        assertThat(image.names()).containsExactly("a:1", "r.example/b:2");
        assertThat(image.id()).isEqualTo(Bytes.digest(config).toString());
        assertThat(images.check()).isEmpty();
        assertThat(load(images, docker(config, "x", "null")).get(0).digest()).isEqualTo(image.digest());
    }

    private void refused(byte[] archive, String message) throws IOException {
        assertThatThrownBy(() -> load(images, archive))
                .isInstanceOf(SandboxException.BadImage.class)
                .hasMessageContaining(message);
        assertThat(images.list()).isEmpty();
        assertThat(Directories.names(folder.resolve("images/pins"))).isEmpty();
        assertThat(Directories.names(folder.resolve("images/layers"))).noneMatch(name -> name.startsWith("."));
    }

    @Test
    void archivesThatAreNoneAreRefused() throws IOException {
        String config = config(digestOf("x"), digestOf("x"));
        byte[] good = docker(config, "x", "[]");

        refused(new byte[0], "neither index.json");
        refused(Bytes.of("hello".repeat(1000)), "BAD_CHECKSUM");
        refused(root("x"), "neither index.json");
        refused(Arrays.copyOf(good, good.length / 2), "");
        refused(Arrays.copyOf(gzip(good), 300), "");
        refused(docker(config(digestOf("x"), digestOf("y")), "x", "[]"), "instead of");
        images.prune(false); // what is here by its digest is not read
        refused(docker(config, "", "[]"), "");
        refused(docker("{}", "x", "[]"), "rootfs");
        refused(tar(Map.of("manifest.json", Bytes.of("[]"))), "no image in it");
        refused(tar(Map.of("manifest.json", Bytes.of("[{\"Config\":\"../../etc/passwd\"}]"))), "lacks");
        refused(tar(Map.of("manifest.json", Bytes.of("{\"a\":1}"))), "not an array");
        refused(tar(Map.of("index.json", Bytes.of("{\"schemaVersion\":2,\"manifests\":[]}"))), "no image in it");
        refused(tar(Map.of("index.json", Bytes.of("[".repeat(100_000)))), "index.json");
        refused(tar(Map.of("../index.json", Bytes.of("{}"))), "BAD_NAME");
    }

    /** Nothing but a megabyte that says that it is a gigabyte: refused before much of that is on the disk. */
    @Test
    void anArchiveThatExpandsWithoutEndIsRefused() throws IOException {
        ByteArrayOutputStream bomb = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bomb)) {
            TarWriter tar = new TarWriter(out);
            InputStream zeros = new InputStream() {
                @Override
                public int read() {
                    return 0;
                }

                @Override
                public int read(byte[] target, int offset, int length) {
                    Arrays.fill(target, offset, offset + length, (byte) 0);
                    return length;
                }
            };
            tar.add(
                    new TarEntry(ByteString.of("a"), new Kind.File(300L << 20), 0644, 0, 0, Instant.EPOCH, Map.of()),
                    zeros);
        }
        refused(bomb.toByteArray(), "EXPANDS_TOO_MUCH");
    }

    @Test
    void aLayoutWithOtherBytesIsRefused() throws IOException {
        others.importRoot(in(root("one")), Optional.of("one"), CONFIG);
        String archive = new String(save(others, "one"), StandardCharsets.ISO_8859_1);

        refused(archive.replace("echo ", "ecko ").getBytes(StandardCharsets.ISO_8859_1), "another digest");
        refused(archive.replaceFirst("oneone", "onetwo").getBytes(StandardCharsets.ISO_8859_1), "another digest");
        assertThat(load(images, archive.getBytes(StandardCharsets.ISO_8859_1))).hasSize(1);
    }
}
