package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemplateMemoryTest {
    private static final int PAGE = 4096;
    private static final int PAGES = 300;

    @TempDir
    Path directory;

    private record Written(byte[] pages, byte[] places) {}

    /** Runs of pages of any length, with holes of any length. */
    private static byte[] memory(Random random) {
        byte[] memory = new byte[PAGES * PAGE];
        for (int page = random.nextInt(5); page < PAGES; page += random.nextInt(300)) {
            for (int end = Math.min(PAGES, page + 1 + random.nextInt(300)); page < end; page++) {
                memory[page * PAGE + random.nextInt(PAGE)] = (byte) (1 + random.nextInt(255));
            }
        }
        return memory;
    }

    private Written write(byte[] memory) throws IOException {
        Path from = Files.write(directory.resolve("memory"), memory);
        Path pages = directory.resolve("pages");
        ByteArrayOutputStream places = new ByteArrayOutputStream();
        try (FileChannel in = FileChannel.open(from);
                FileChannel out = FileChannel.open(
                        pages,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            TemplateMemory.write(in, memory.length, out, new DataOutputStream(places));
        }
        return new Written(Files.readAllBytes(pages), places.toByteArray());
    }

    private byte[] read(Written written, int size) throws IOException {
        Path pages = Files.write(directory.resolve("pages"), written.pages());
        Path to = Files.write(directory.resolve("read"), new byte[0]);
        try (FileChannel in = FileChannel.open(pages);
                FileChannel out = FileChannel.open(to, StandardOpenOption.WRITE)) {
            out.write(ByteBuffer.allocate(1), size - 1);
            TemplateMemory.read(in, new DataInputStream(new ByteArrayInputStream(written.places())), out, size);
        }
        return Files.readAllBytes(to);
    }

    @Test
    void whatIsWrittenIsReadAndHolesTakeNothing() throws IOException {
        repeatedly(8, random -> {
            byte[] memory = memory(random);
            Written written = write(memory);
            assertThat(written.pages().length).isLessThanOrEqualTo(memory.length);
            assertThat(read(written, memory.length)).isEqualTo(memory);
        });
        assertThat(write(new byte[PAGES * PAGE]).pages()).isEmpty();
    }

    /** A memory of which a part is missing would be one of zeros there. */
    @Test
    void whatIsCutOffIsRefused() {
        repeatedly(16, random -> {
            byte[] memory = memory(random);
            memory[0] = 1;
            Written whole = write(memory);
            Written cut = random.nextBoolean()
                    ? new Written(Arrays.copyOf(whole.pages(), random.nextInt(whole.pages().length)), whole.places())
                    : new Written(whole.pages(), Arrays.copyOf(whole.places(), random.nextInt(whole.places().length)));
            assertThatThrownBy(() -> read(cut, memory.length))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("damaged");
        });
    }

    /** Whatever the places say, nothing is written beyond the memory. */
    @Test
    void whatIsHostileStaysWithinTheMemory() {
        repeatedly(16, random -> {
            byte[] memory = memory(random);
            Written whole = write(memory);
            byte[] places = whole.places().clone();
            for (int i = 0; places.length > 0 && i <= random.nextInt(8); i++) {
                places[random.nextInt(places.length)] = (byte) random.nextInt();
            }
            try {
                assertThat(read(new Written(whole.pages(), places), memory.length))
                        .hasSize(memory.length);
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("damaged");
            }
        });
    }

    private static void repeatedly(int times, Seeded.Property property) {
        Seeded.run(random -> {
            for (int i = 0; i < times; i++) {
                property.check(random);
            }
        });
    }
}
