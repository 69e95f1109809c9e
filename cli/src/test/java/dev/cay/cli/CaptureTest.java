package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.Test;

class CaptureTest {
    @Test
    void keepsTextAsText() throws IOException {
        assertThat(json(100, "gr\u00fc\u00df dich \ud83d\ude00\n".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo("{\"out\":\"gr\u00fc\u00df dich \ud83d\ude00\\n\"}");
        assertThat(json(100, new byte[0])).isEqualTo("{\"out\":\"\"}");
    }

    @Test
    void keepsEverythingElseAsBase64() throws IOException {
        byte[][] notText = {
            {(byte) 0xFF}, {'a', (byte) 0xC3}, {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, {(byte) 0xC0, (byte) 0x80}
        };
        for (byte[] bytes : notText) {
            assertThat(json(100, bytes))
                    .isEqualTo("{\"out_base64\":\"" + Base64.getEncoder().encodeToString(bytes) + "\"}");
        }
    }

    @Test
    void dropsWhatIsBeyondTheLimit() throws IOException {
        Capture capture = new Capture(3);
        capture.write(new byte[] {'a', 'b'});
        capture.write('c');
        assertThat(capture.truncated()).isFalse();

        capture.write('d');
        capture.write(new byte[] {'e', 'f'});
        assertThat(capture.truncated()).isTrue();
        assertThat(capture.toByteArray()).containsExactly('a', 'b', 'c');

        Capture nothing = new Capture(0);
        nothing.write(new byte[0]);
        assertThat(nothing.truncated()).isFalse();
        nothing.write(1);
        assertThat(nothing.truncated()).isTrue();
        assertThat(nothing.size()).isZero();
    }

    @Test
    void aCharacterThatTheLimitCutsInTwoIsNoReasonForBase64() throws IOException {
        byte[] text = "ab\u20ac".getBytes(StandardCharsets.UTF_8);

        assertThat(json(4, text)).isEqualTo("{\"out\":\"ab\"}");
        assertThat(json(5, text)).isEqualTo("{\"out\":\"ab\u20ac\"}");
    }

    @Test
    void readsTextThatIsLongerThanItsBuffers() throws IOException {
        String text = "\u20ac".repeat(30_000);

        assertThat(json(1_000_000, text.getBytes(StandardCharsets.UTF_8))).isEqualTo("{\"out\":\"" + text + "\"}");
    }

    private static String json(int limit, byte[] written) throws IOException {
        Capture capture = new Capture(limit);
        capture.write(written);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Json json = new Json(out).begin();
        capture.writeTo(json, "out");
        json.end();
        return out.toString(StandardCharsets.UTF_8);
    }
}
