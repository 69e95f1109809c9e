package dev.cay.engine.erofs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LayerContentTest {
    @TempDir
    private Path directory;

    private final List<Path> layers = new ArrayList<>();

    private void layer(LayerArchive archive) throws IOException {
        Path file = directory.resolve("layer" + layers.size());
        LayerConverter.convert(new ByteArrayInputStream(archive.bytes()), file, LayerLimits.STANDARD);
        layers.add(file);
    }

    private Optional<String> passwd() throws IOException {
        return LayerContent.read(layers, "etc", "passwd", 5).map(bytes -> new String(bytes, StandardCharsets.US_ASCII));
    }

    @Test
    void theUppermostLayerThatHasItSaysIt() throws IOException {
        assertThat(passwd()).isEmpty();
        layer(new LayerArchive().directory("etc").file("etc/passwd", "first and more"));
        assertThat(passwd()).contains("first");
        layer(new LayerArchive().directory("etc").file("etc/group", "x"));
        layer(new LayerArchive().directory("var"));
        assertThat(passwd()).contains("first");
        layer(new LayerArchive().directory("etc").file("etc/passwd", "2"));
        assertThat(passwd()).contains("2");
    }

    @Test
    void whatIsRemovedOrHiddenIsNotThere() throws IOException {
        layer(new LayerArchive().directory("etc").file("etc/passwd", "first"));
        layer(new LayerArchive().directory("etc").file("etc/.wh.passwd", ""));
        assertThat(passwd()).isEmpty();
        layer(new LayerArchive().directory("etc").file("etc/passwd", "3"));
        assertThat(passwd()).contains("3");
        layer(new LayerArchive().directory("etc").file("etc/.wh..wh..opq", ""));
        assertThat(passwd()).isEmpty();
    }

    @Test
    void noLinkIsFollowed() throws IOException {
        layer(new LayerArchive().directory("real").file("real/passwd", "first"));
        layer(new LayerArchive().link("etc", "real"));
        assertThat(passwd()).isEmpty();
        layer(new LayerArchive().directory("etc").link("etc/passwd", "../real/passwd"));
        assertThat(passwd()).isEmpty();
    }
}
