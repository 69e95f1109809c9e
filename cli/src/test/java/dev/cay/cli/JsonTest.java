package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Json json = new Json(out);

    @Test
    void writesNestedObjects() throws IOException {
        json.begin()
                .field("a", 1)
                .begin("b")
                .end()
                .begin("c")
                .field("d", true)
                .field("e", "x")
                .end()
                .field("f", -2)
                .end();

        assertThat(written()).isEqualTo("{\"a\":1,\"b\":{},\"c\":{\"d\":true,\"e\":\"x\"},\"f\":-2}");
    }

    @ParameterizedTest
    @CsvSource({
        "0000, \\u0000",
        "0008, \\u0008",
        "0009, \\t",
        "000a, \\n",
        "000d, \\r",
        "001b, \\u001b",
        "001f, \\u001f",
        "0022, \\\"",
        "005c, \\\\",
        "007f, \\u007f",
        "0080, \\u0080",
        "009b, \\u009b",
        "009f, \\u009f",
    })
    void escapesControlCharacters(String character, String escaped) throws IOException {
        json.begin()
                .field("x", "a" + (char) Integer.parseInt(character, 16) + "b")
                .end();

        assertThat(written()).isEqualTo("{\"x\":\"a" + escaped + "b\"}");
    }

    @Test
    void leavesAllOtherTextAlone() throws IOException {
        json.begin().field("x", "a/\u00a0\u00e4\u20ac\ud83d\ude00").end();

        assertThat(written()).isEqualTo("{\"x\":\"a/\u00a0\u00e4\u20ac\ud83d\ude00\"}");
    }

    @Test
    void writesOnlyTheBytesItIsGiven() throws IOException {
        json.begin().field("x", new byte[] {'a', '\n', 'b', (byte) 0xC2}, 2).end();

        assertThat(written()).isEqualTo("{\"x\":\"a\\n\"}");
    }

    @Test
    void everyTextCanBeReadBack() throws IOException {
        Random random = new Random(8259);
        for (int i = 0; i < 2_000; i++) {
            String text = random.ints(random.nextInt(20), 0, random.nextBoolean() ? 0x100 : 0x3000)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            out.reset();
            new Json(out).begin().field("x", text).end();

            assertThat(unescape(written())).isEqualTo("{\"x\":\"" + text + "\"}");
            assertThat(written().chars().anyMatch(Character::isISOControl)).isFalse();
        }
    }

    private static String unescape(String text) {
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) != '\\') {
                plain.append(text.charAt(i));
                continue;
            }
            i++;
            switch (text.charAt(i)) {
                case 'n' -> plain.append('\n');
                case 'r' -> plain.append('\r');
                case 't' -> plain.append('\t');
                case 'u' -> {
                    plain.append((char) Integer.parseInt(text.substring(i + 1, i + 5), 16));
                    i += 4;
                }
                default -> plain.append(text.charAt(i));
            }
        }
        return plain.toString();
    }

    private String written() {
        return out.toString(StandardCharsets.UTF_8);
    }
}
