package dev.cay.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A kernel that is in somebody's hands asks anything. */
final class HostileRequestsTest {
    private static final int NOT_SAID = -1;

    @TempDir
    private Path directory;

    /** A line of the corpus: the errno of the answer, none or broken, and its bytes. */
    private record Sample(String expected, byte[] bytes) {}

    private static List<Sample> corpus() {
        try (var stream = HostileRequestsTest.class.getResourceAsStream("requests.hex")) {
            List<Sample> samples = new ArrayList<>();
            for (String line : new String(stream.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
                if (!line.startsWith("#")) {
                    String[] fields = line.split(" ", 2);
                    samples.add(new Sample(fields[0], HexFormat.of().parseHex(fields[1].replace(" ", ""))));
                }
            }
            return samples;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path shared(Path directory) throws IOException {
        Path shared = Files.createDirectories(directory.resolve("shared"));
        Files.writeString(directory.resolve("beside"), "untouched");
        Files.writeString(shared.resolve("file"), "content");
        Files.createDirectory(shared.resolve("sub"));
        Files.createSymbolicLink(shared.resolve("out"), directory);
        return shared;
    }

    /** What a kernel really asks, and what none does, one after the other. */
    @Test
    void theCorpusIsAnswered() throws Exception {
        try (FakeGuest guest = new FakeGuest(shared(directory))) {
            for (Sample sample : corpus()) {
                String text = sample.expected() + " " + HexFormat.of().formatHex(sample.bytes());
                if (sample.expected().equals("broken")) {
                    assertThatThrownBy(() -> guest.server().answer(sample.bytes()))
                            .as(text)
                            .isInstanceOf(MalformedRequestException.class);
                    continue;
                }
                Optional<byte[]> answer = guest.server().answer(sample.bytes());
                if (sample.expected().equals("none")) {
                    assertThat(answer).as(text).isEmpty();
                } else {
                    assertThat(error(sample.bytes(), answer.orElseThrow()))
                            .as(text)
                            .isEqualTo(Integer.parseInt(sample.expected()));
                }
            }
        }
    }

    private static int error(byte[] request, byte[] answer) {
        long unique = ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN).getLong(8);
        return FakeGuest.parse(answer, unique).errno();
    }

    /** Whatever comes of it: an answer that is one, or the end; and nothing beside what is shared is changed. */
    @Test
    void anythingIsAnsweredOrEndsIt() throws Exception {
        List<Sample> corpus = corpus();
        Path shared = shared(directory);
        Seeded.run(random -> {
            for (int round = 0; round < 30; round++) {
                try (FakeGuest guest = FakeGuest.greeted(shared)) {
                    for (int i = 0; i < 100; i++) {
                        byte[] bytes = bytes(corpus, random);
                        try {
                            Optional<byte[]> answer = guest.server().answer(bytes);
                            answer.ifPresent(reply -> error(bytes, reply));
                        } catch (MalformedRequestException e) {
                            assertThat(e.getMessage()).contains("FUSE");
                        }
                    }
                }
            }
        });
        try (Stream<Path> found = Files.list(directory)) {
            assertThat(found.map(path -> path.getFileName().toString())).containsExactlyInAnyOrder("shared", "beside");
        }
        assertThat(directory.resolve("beside")).hasContent("untouched");
    }

    /** Something of the corpus of which little or much is different, or noise behind a header. */
    private static byte[] bytes(List<Sample> corpus, Random random) {
        byte[] bytes = corpus.get(random.nextInt(corpus.size())).bytes().clone();
        int said = NOT_SAID;
        switch (random.nextInt(4)) {
            case 0 -> { // other bytes
                for (int i = random.nextInt(4); i >= 0 && bytes.length > 4; i--) {
                    bytes[4 + random.nextInt(bytes.length - 4)] = (byte) random.nextInt(256);
                }
            }
            case 1 -> { // shorter or longer
                bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length + 64));
                said = random.nextBoolean() ? bytes.length : random.nextInt();
            }
            case 2 -> { // another operation with these arguments, about another node
                if (bytes.length >= Request.HEADER_SIZE) {
                    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
                    buffer.putInt(4, random.nextInt(50)).putLong(16, random.nextInt(8));
                }
            }
            default -> { // noise
                bytes = new byte[Request.HEADER_SIZE + random.nextInt(200)];
                random.nextBytes(bytes);
                said = bytes.length;
                bytes[4] = (byte) random.nextInt(50);
                bytes[5] = bytes[6] = bytes[7] = 0;
            }
        }
        if (said != NOT_SAID && bytes.length >= Integer.BYTES) {
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(0, said);
        }
        return bytes;
    }
}
