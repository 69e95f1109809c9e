package dev.cay.engine.erofs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.Seeded;
import dev.cay.engine.archive.TarException;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the archive, it is refused or becomes a file system that can be read. */
final class HostileLayerTest {
    private static final String[] NAMES = {
        "a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", ".", "A", "", "a\u00ff", "..", "x".repeat(250)
    };

    @Test
    void anySequenceOfEntriesIsALayerOrIsRefused() {
        Seeded.run(random -> {
            int converted = 0;
            for (int i = 0; i < 500; i++) {
                LayerArchive archive = new LayerArchive();
                for (int j = random.nextInt(12); j >= 0; j--) {
                    add(archive, random);
                }
                converted += converts(archive.bytes()) ? 1 : 0;
            }
            assertThat(converted).isGreaterThan(30);
        });
    }

    @Test
    void damagedArchivesAreLayersOrRefused() {
        Seeded.run(random -> {
            for (int i = 0; i < 250; i++) {
                LayerArchive archive = new LayerArchive();
                for (int j = random.nextInt(5); j >= 0; j--) {
                    add(archive, random);
                }
                byte[] bytes = archive.bytes();
                for (int j = random.nextInt(3); j >= 0; j--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
                converts(bytes);
            }
        });
    }

    private static boolean converts(byte[] archive) {
        try {
            LayerArchive.convert(archive);
            return true;
        } catch (LayerException | TarException _) {
            return false;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static String path(Random random) {
        StringBuilder path = new StringBuilder(random.nextInt(6) == 0 ? "/" : "");
        for (int i = random.nextInt(3); i >= 0; i--) {
            path.append(NAMES[random.nextInt(random.nextInt(3) == 0 ? NAMES.length : 3)])
                    .append(i > 0 ? "/" : "");
        }
        return path.isEmpty() ? "a" : path.toString();
    }

    private static void add(LayerArchive archive, Random random) {
        String path = path(random);
        switch (random.nextInt(8)) {
            case 0, 1 -> archive.directory(path);
            case 2 -> archive.link(path, random.nextBoolean() ? "../" + path(random) : path(random));
            case 3 -> archive.hard(path, path(random));
            default -> archive.file(path, "text ".repeat(random.nextInt(random.nextInt(5) == 0 ? 20_000 : 5)));
        }
    }
}
