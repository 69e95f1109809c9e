package dev.cay.engine.erofs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LayerDiffTest {
    @TempDir
    private Path directory;

    private final List<Path> layers = new ArrayList<>();

    /** How often the tree has been read. */
    private int readings;

    private void layer(LayerArchive archive) throws IOException {
        Path file = directory.resolve("layer" + layers.size());
        LayerConverter.convert(new ByteArrayInputStream(archive.bytes()), file, LayerLimits.STANDARD);
        layers.add(file);
    }

    /** The names in the layer that makes the tree of the layers, in their order. */
    private List<String> difference(LayerArchive tree) throws IOException {
        byte[] bytes = tree.bytes();
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        LayerDiff.write(
                layers,
                () -> {
                    readings++;
                    return new ByteArrayInputStream(bytes);
                },
                Set.of(EntryPath.of(ByteString.of("proc")), EntryPath.of(ByteString.of("etc/hosts"))),
                archive);
        TarReader reader = new TarReader(new ByteArrayInputStream(archive.toByteArray()), TarLimits.STANDARD);
        List<String> names = new ArrayList<>();
        for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
            names.add(entry.get().name().toString());
        }
        return names;
    }

    private static LayerArchive directories(String... names) {
        LayerArchive archive = new LayerArchive();
        for (String name : names) {
            archive.directory(name);
        }
        return archive;
    }

    @Test
    void whatIsTheSameIsNotInIt() throws IOException {
        layer(directories("./", "d").file("d/a", "text").link("l", "d").hard("h", "d/a"));

        assertThat(difference(directories("./", "./d")
                        .file("./d/a", "text")
                        .link("./l", "d")
                        .hard("./h", "./d/a")))
                .isEmpty();
    }

    @Test
    void whatIsNewOrChangedComesWithItsDirectories() throws IOException {
        layer(directories("./", "d", "e")
                .file("d/a", "1")
                .file("d/b", "2")
                .file("e/x", "3")
                .link("l", "d"));

        assertThat(difference(directories("./", "./d", "./e", "./n")
                        .file("./d/a", "longer")
                        .file("./d/b", "2")
                        .file("./e/x", "3")
                        .link("./l", "e")
                        .file("./n/new", "")))
                .containsExactly("./", "./n", "./d", "./d/a", "./l", "./n/new");
        byte[] time = "3".getBytes(StandardCharsets.US_ASCII);
        assertThat(difference(directories("./", "./d", "./e")
                        .file("./d/a", "1")
                        .file("./d/b", "2")
                        .link("./l", "d")
                        .add(
                                new TarEntry(
                                        ByteString.of("./e/x"),
                                        new Kind.File(1),
                                        0644,
                                        1000,
                                        100,
                                        Instant.ofEpochSecond(1),
                                        Map.of()),
                                time)))
                .containsExactly("./", "./e", "./e/x");
    }

    @Test
    void whatIsGoneIsRemovedOnce() throws IOException {
        layer(directories("./", "d", "d/e", "k")
                .file("d/e/a", "1")
                .file("k/x", "")
                .file("gone-below", ""));
        layer(directories("./").file(".wh.gone-below", "").file("k/y", ""));

        assertThat(difference(directories("./", "./k").file("./k/x", "")))
                .containsExactly("./", "./k", ".wh.d", "k/.wh.y");
        assertThat(readings).isEqualTo(1);
    }

    @Test
    void aFileInTheNameOfADirectoryHidesItWhole() throws IOException {
        layer(directories("./", "d").file("d/a", "1").file("f", ""));

        assertThat(difference(directories("./", "./f").file("./d", "file").file("./f/x", "")))
                .containsExactly("./", "./f", "./d", "./f/x");
    }

    @Test
    void linksThatComeApartAreAllInIt() throws IOException {
        layer(directories("./").file("a", "1").hard("b", "a").hard("c", "a"));

        assertThat(difference(
                        directories("./").file("./a", "1").hard("./b", "./a").file("./c", "1")))
                .isEmpty(); // the same to look at
        assertThat(difference(directories("./")
                        .file("./a", "1")
                        .hard("./b", "./a")
                        .hard("./c", "./a")
                        .hard("./d", "./a")))
                .containsExactly("./", "./a", "./b", "./c", "./d");
        assertThat(readings).isEqualTo(3);
        assertThat(difference(
                        directories("./").file("./a", "12").hard("./b", "./a").file("./c", "1")))
                .containsExactly("./", "./a", "./b");
    }

    @Test
    void whatIsOursIsNeitherNewNorGone() throws IOException {
        layer(directories("./", "etc", "proc").file("etc/hosts", "theirs"));

        assertThat(difference(directories("./", "./etc").file("./etc/hosts", "ours")))
                .isEmpty();
    }
}
