package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DetachKeysTest {
    private static final char P = 'P' & 0x1F;
    private static final char Q = 'Q' & 0x1F;

    /** p and q stand for the keys with ctrl. */
    @ParameterizedTest
    @CsvSource(
            emptyValue = "",
            value = {
                "abc,abc,false",
                "'','',false",
                "pq,'',true",
                "abpqcd,ab,true",
                "p,p,false",
                "pp,pp,false",
                "ppq,p,true",
                "pppq,pp,true",
                "paq,paq,false",
                "q,q,false",
                "qp,qp,false",
                "apb,apb,false",
                "papq,pa,true"
            })
    void passesOnAllButTheTwo(String typed, String passed, boolean left) throws IOException {
        for (int piece = 1; piece <= typed.length() + 1; piece++) {
            Ending ending = new Ending();
            DetachKeys keys = new DetachKeys(inPieces(keys(typed), piece), ending);

            assertThat(read(keys, 64)).isEqualTo(keys(passed));
            assertThat(keys.pressed()).isEqualTo(left);
            if (left) {
                assertThat(ending.await()).isEmpty();
            }
        }
    }

    @Test
    void anythingElseIsPassedOnUnchanged() throws IOException {
        long seed = 9;
        Random random = new Random(seed);
        for (int i = 0; i < 300; i++) {
            StringBuilder typed = new StringBuilder();
            for (int k = random.nextInt(60); k > 0; k--) {
                typed.append("pxy".charAt(random.nextInt(3)));
            }
            DetachKeys keys = new DetachKeys(inPieces(keys(typed.toString()), 1 + random.nextInt(9)), new Ending());
            assertThat(read(keys, 2 + random.nextInt(9)))
                    .as("seed %d, %d", seed, i)
                    .isEqualTo(keys(typed.toString()));
        }
    }

    private static byte[] keys(String text) {
        byte[] keys = new byte[text.length()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = (byte) (text.charAt(i) == 'p' ? P : text.charAt(i) == 'q' ? Q : text.charAt(i));
        }
        return keys;
    }

    private static ByteArrayInputStream inPieces(byte[] bytes, int piece) {
        return new ByteArrayInputStream(bytes) {
            @Override
            public synchronized int read(byte[] buffer, int offset, int length) {
                return super.read(buffer, offset, Math.min(length, piece));
            }
        };
    }

    private static byte[] read(DetachKeys keys, int length) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] buffer = new byte[length];
        for (int count = keys.read(buffer, 0, length); count >= 0; count = keys.read(buffer, 0, length)) {
            out.write(buffer, 0, count);
        }
        return out.toByteArray();
    }
}
