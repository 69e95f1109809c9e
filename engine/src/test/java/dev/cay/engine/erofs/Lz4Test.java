package dev.cay.engine.erofs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.Seeded;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class Lz4Test {
    private final Lz4 lz4 = new Lz4();
    private final byte[] packed = new byte[Lz4.MAXIMUM_INPUT];

    @Test
    void whatIsCompressedIsExpandedAgain() {
        Seeded.run(random -> {
            for (int i = 0; i < 3000; i++) {
                byte[] input = new byte[1 + random.nextInt(random.nextInt(8) == 0 ? Lz4.MAXIMUM_INPUT : 300)];
                int alphabet = 1 + random.nextInt(random.nextBoolean() ? 3 : 256);
                for (int j = 0; j < input.length; j++) {
                    input[j] = random.nextInt(20) == 0 || j < 30
                            ? (byte) random.nextInt(alphabet)
                            : input[j - 1 - random.nextInt(29)];
                }
                int length = lz4.compress(input, input.length, packed, packed.length);
                if (length >= 0) {
                    assertThat(packed[0]).as("zeros are in front of it").isNotZero();
                    assertThat(ErofsReader.expand(Arrays.copyOf(packed, length), input.length))
                            .isEqualTo(input);
                    assertThat(lz4.compress(input, input.length, packed, length))
                            .isIn(-1, length);
                    assertThat(lz4.compress(input, input.length, packed, length - 1))
                            .isEqualTo(-1);
                }
            }
        });
    }

    @Test
    void aPageOfZerosIsNextToNothing() {
        byte[] zeros = new byte[Lz4.MAXIMUM_INPUT];

        assertThat(lz4.compress(zeros, zeros.length, packed, packed.length)).isLessThan(300);
    }

    @Test
    void noiseIsNotCompressed() {
        Seeded.run(random -> {
            byte[] noise = new byte[Lz4.MAXIMUM_INPUT];
            random.nextBytes(noise);

            assertThat(lz4.compress(noise, noise.length, packed, noise.length - 4096))
                    .isEqualTo(-1);
        });
    }
}
