package dev.cay.engine.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Frames come in pieces of any size, and from peers of any kind. */
final class FrameCodecTest {
    private record Frame(FrameType type, byte[] payload) {
        @Override
        public String toString() {
            return type + " " + HexFormat.of().formatHex(payload);
        }
    }

    /** A line of the corpus: what comes of it and its bytes. */
    private record Sample(String expected, byte[] bytes) {}

    /** Gives the bytes in small pieces, and is never asked for very many at once: so much memory would be taken. */
    private static final class Pieces implements ReadableByteChannel {
        private final byte[] bytes;
        private final Random random;
        private int at;

        Pieces(byte[] bytes, Random random) {
            this.bytes = bytes;
            this.random = random;
        }

        @Override
        public int read(ByteBuffer target) {
            assertThat(target.capacity()).isLessThanOrEqualTo(64 * 1024);
            if (at == bytes.length) {
                return -1;
            }
            int count = Math.min(Math.min(1 + random.nextInt(20_000), target.remaining()), bytes.length - at);
            target.put(bytes, at, count);
            at += count;
            return count;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {
            // nothing is held
        }
    }

    private static List<Sample> corpus() {
        try (var stream = FrameCodecTest.class.getResourceAsStream("frames.hex")) {
            List<Sample> samples = new ArrayList<>();
            for (String line : new String(stream.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
                if (!line.startsWith("#")) {
                    byte[] bytes = HexFormat.of().parseHex(line.substring(9).replace(" ", ""));
                    samples.add(new Sample(line.substring(0, 9).strip(), bytes));
                }
            }
            return samples;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads to the end, payloads as a whole or piece by piece. */
    private static List<Frame> read(byte[] bytes, Random random) throws IOException {
        FrameInput input = new FrameInput(new Pieces(bytes, random));
        List<Frame> frames = new ArrayList<>();
        for (Optional<FrameHeader> header = input.header(); header.isPresent(); header = input.header()) {
            byte[] payload = random.nextBoolean() ? input.payload() : pieces(input, random);
            assertThat(payload).hasSize(header.get().length());
            frames.add(new Frame(header.get().type(), payload));
        }
        return frames;
    }

    private static byte[] pieces(FrameInput input, Random random) throws IOException {
        ByteArrayOutputStream payload = new ByteArrayOutputStream();
        byte[] chunk = new byte[1 + random.nextInt(40_000)];
        for (int count = input.data(chunk, 0, chunk.length); count > 0; count = input.data(chunk, 0, chunk.length)) {
            payload.write(chunk, 0, count);
        }
        return payload.toByteArray();
    }

    private static byte[] write(List<Frame> frames) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        FrameOutput output = new FrameOutput(Channels.newChannel(bytes));
        for (Frame frame : frames) {
            output.send(frame.type(), frame.payload(), 0, frame.payload().length);
        }
        return bytes.toByteArray();
    }

    private static Frame random(Random random) {
        FrameType[] types = FrameType.values();
        FrameType type = types[random.nextInt(types.length)];
        int most = Math.min(type.form().maximum(), FrameOutput.MAXIMUM_SENT);
        int length = type.form().minimum() + random.nextInt(most - type.form().minimum() + 1);
        byte[] payload = new byte
                [random.nextBoolean() ? length : Math.min(length, type.form().minimum() + 3)];
        random.nextBytes(payload);
        return new Frame(type, payload);
    }

    @Test
    void whatIsWrittenIsRead() {
        Seeded.run(random -> {
            for (int i = 0; i < 300; i++) {
                List<Frame> frames = new ArrayList<>();
                for (int j = random.nextInt(6); j > 0; j--) {
                    frames.add(random(random));
                }
                assertThat(read(write(frames), random).toString()).isEqualTo(frames.toString());
            }
        });
    }

    @Test
    void samplesComeToWhatTheySay() throws IOException {
        Random random = new Random(1);
        for (Sample sample : corpus()) {
            String shown = HexFormat.of().formatHex(sample.bytes());
            switch (sample.expected()) {
                case "ok" ->
                    assertThat(write(read(sample.bytes(), random))).as(shown).isEqualTo(sample.bytes());
                case "end" ->
                    assertThatThrownBy(() -> read(sample.bytes(), random))
                            .as(shown)
                            .isInstanceOf(EOFException.class);
                default ->
                    assertThatThrownBy(() -> read(sample.bytes(), random))
                            .as(shown)
                            .isInstanceOf(RefusalException.class)
                            .hasMessageContaining(sample.expected());
            }
        }
    }

    /** Whatever comes ends in frames that keep to their bounds, in a refusal or in the end of the connection. */
    @Test
    void damagedSamplesAreReadOrRefused() {
        List<Sample> corpus = corpus();
        Seeded.run(random -> {
            int frames = 0;
            int refused = 0;
            for (int i = 0; i < 20_000; i++) {
                byte[] bytes = corpus.get(random.nextInt(corpus.size())).bytes().clone();
                for (int j = random.nextInt(3); j > 0; j--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
                if (random.nextInt(4) == 0) {
                    bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 20));
                }
                try {
                    frames += read(bytes, random).size();
                } catch (RefusalException e) {
                    refused++;
                } catch (EOFException e) {
                    continue;
                }
            }
            assertThat(frames).isGreaterThan(1000);
            assertThat(refused).isGreaterThan(1000);
        });
    }

    @Test
    void nothingIsTakenForWhatIsOnlyAnnounced() {
        byte[] header = {(byte) FrameType.START.code(), 0, 0, 0x40, 0}; // 4 MiB, of which 3 bytes come
        assertThatThrownBy(() -> read(Arrays.copyOf(header, 8), new Random(1))).isInstanceOf(EOFException.class);
    }

    @Test
    void linesHaveAnEnd() throws IOException {
        Random random = new Random(1);
        FrameInput input = new FrameInput(new Pieces("one\n\nthree and".getBytes(StandardCharsets.UTF_8), random));
        assertThat(input.line(3)).contains("one");
        assertThat(input.line(3)).contains("");
        assertThatThrownBy(() -> input.line(8)).isInstanceOf(RefusalException.class);
        assertThat(input.line(8)).isEmpty();
    }

    @Test
    void noMoreIsSentThanAFrameTakes() {
        FrameOutput output = new FrameOutput(Channels.newChannel(new ByteArrayOutputStream()));
        int tooMuch = FrameOutput.MAXIMUM_SENT + 1;
        assertThatThrownBy(() -> output.send(FrameType.STDOUT, new byte[tooMuch], 0, tooMuch))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
