package dev.cay.engine.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonTokens.Token;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/** Compares our reader with Jackson's, which reads what the whole world writes. */
final class JsonTokensTest {
    private static final JsonFactory JACKSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();
    private static final String[] PIECES = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "\"b\":",
        "null",
        "true",
        "false",
        "nul",
        "0",
        "-",
        "-0",
        "01",
        "12",
        ".5",
        "1.",
        "1.5e+3",
        "1E400",
        "e",
        "\\u00e4",
        "\\u12g4",
        "\\x",
        "\\/",
        " ",
        "\n",
        "\t",
        "\r",
        "\u0000",
        "\u001f",
        "\u007f",
        "ä",
        "\ufeff",
        "\u00a0",
        "NaN",
        "'a'",
        "/*",
        "#",
        "+1",
        "9223372036854775808"
    };
    private static final int CASES = 60_000;

    private static String random(Random random) {
        StringBuilder json = new StringBuilder();
        if (random.nextBoolean()) {
            for (int i = random.nextInt(12); i >= 0; i--) {
                json.append(PIECES[random.nextInt(PIECES.length)]);
            }
            return (random.nextBoolean() ? "{" : "[") + json;
        }
        container(random, json, 3);
        for (int i = random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(json.length() + 1);
            switch (random.nextInt(3)) {
                case 0 -> json.insert(at, PIECES[random.nextInt(PIECES.length)]);
                case 1 -> json.delete(at, Math.min(json.length(), at + 1));
                default -> json.setLength(Math.max(1, at));
            }
        }
        return json.toString();
    }

    private static void container(Random random, StringBuilder json, int depth) {
        boolean object = random.nextBoolean();
        json.append(object ? "{" : "[");
        for (int i = 0; i < random.nextInt(4); i++) {
            json.append(i > 0 ? "," : "").append(random.nextInt(4) == 0 ? " \n" : "");
            json.append(object ? "\"" + (char) ('a' + random.nextInt(9)) + "\\n\":" : "");
            if (depth > 0 && random.nextBoolean()) {
                container(random, json, depth - 1);
            } else {
                json.append(List.of("1", "-2.5e-3", "\"x\\\"y\"", "true", "false", "null", "\"\"")
                        .get(random.nextInt(7)));
            }
        }
        json.append(object ? "}" : "]");
    }

    /** The tokens of the first value and what they say; empty if that is refused, or something follows. */
    private static Optional<List<String>> ours(String json) {
        List<String> all = new ArrayList<>();
        try {
            JsonTokens tokens = new JsonTokens(json, "text", "", JsonReader.MAXIMUM_DEPTH);
            int depth = 0;
            do {
                Token token = tokens.next();
                depth += token == Token.OBJECT || token == Token.ARRAY ? 1 : 0;
                depth -= token == Token.OBJECT_END || token == Token.ARRAY_END ? 1 : 0;
                boolean says =
                        token == Token.NAME || token == Token.TEXT || token == Token.WHOLE || token == Token.DECIMAL;
                all.add(token + (says ? tokens.content() : ""));
            } while (depth > 0);
            return tokens.next() == Token.END ? Optional.of(all) : Optional.empty();
        } catch (SandboxException.InvalidSpec e) {
            return Optional.empty();
        }
    }

    private static Optional<List<String>> jackson(String json) {
        List<String> all = new ArrayList<>();
        try (JsonParser parser = JACKSON.createParser(ObjectReadContext.empty(), json)) {
            int depth = 0;
            do {
                JsonToken token = parser.nextToken();
                if (token == null) {
                    return Optional.of(List.of("END"));
                }
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                all.add(
                        switch (token) {
                            case START_OBJECT -> "OBJECT";
                            case END_OBJECT -> "OBJECT_END";
                            case START_ARRAY -> "ARRAY";
                            case END_ARRAY -> "ARRAY_END";
                            case PROPERTY_NAME -> "NAME" + parser.currentName();
                            case VALUE_STRING -> "TEXT" + parser.getString();
                            case VALUE_NUMBER_INT -> "WHOLE" + parser.getString();
                            case VALUE_NUMBER_FLOAT -> "DECIMAL" + parser.getString();
                            case VALUE_TRUE -> "TRUE";
                            case VALUE_FALSE -> "FALSE";
                            case VALUE_NULL -> "NULL";
                            case NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT -> throw new AssertionError(token);
                        });
            } while (depth > 0);
            return parser.nextToken() == null ? Optional.of(all) : Optional.empty();
        } catch (JacksonException e) {
            return Optional.empty();
        }
    }

    @Test
    void anyTextIsReadAsJacksonReadsIt() {
        long seed = Long.getLong("cay.seed", new Random().nextLong());
        Random random = new Random(seed);
        int accepted = 0;
        for (int i = 0; i < CASES; i++) {
            String json = random(random);
            Optional<List<String>> tokens = ours(json);
            assertThat(tokens).as("-Dcay.seed=%d: %s", seed, json).isEqualTo(jackson(json));
            accepted += tokens.isPresent() ? 1 : 0;
        }
        assertThat(accepted).isBetween(CASES / 10, CASES / 10 * 9);
    }

    private static void refused(String json, String message) {
        assertThatThrownBy(() -> {
                    JsonTokens tokens = new JsonTokens(json, "the text", "write another", 3);
                    while (tokens.next() != Token.END) {
                        tokens.skip();
                    }
                })
                .isInstanceOfSatisfying(
                        SandboxException.InvalidSpec.class,
                        e -> assertThat(e.hint()).isEqualTo("write another"))
                .hasMessage("the text cannot be read as JSON: " + message);
    }

    @Test
    void aRefusalNamesThePlace() {
        refused("{\"a\":1,\n \"a\":2}", "the field 'a' stands there twice (line 2, column 5)");
        refused("[1,\n\n2", "it ends too soon (line 3, column 2)");
        refused("[[[[]]]]", "its depth is more than 3 (line 1, column 4)");
        refused("[1}", "unexpected '}' (line 1, column 3)");
        refused("[\"a\u0001\"]", "a control character is not escaped (line 1, column 4)");
        refused("[\"\\q\"]", "'\\q' escapes nothing (line 1, column 5)");
        refused("[" + "1".repeat(1001) + "]", "a number has more than 1000 digits (line 1, column 1003)");
    }

    @Test
    void whatIsPassedOverIsReadAllTheSame() {
        JsonTokens tokens = new JsonTokens("{\"a\":[{\"b\":[]}],\"c\":1}", "text", "", 9);
        assertThat(tokens.next()).isEqualTo(Token.OBJECT);
        assertThat(tokens.next()).isEqualTo(Token.NAME);
        assertThat(tokens.next()).isEqualTo(Token.ARRAY);
        tokens.skip();
        assertThat(tokens.next()).isEqualTo(Token.NAME);
        assertThat(tokens.content()).isEqualTo("c");
    }

    @Test
    void aCopyDiffersInOneArray() {
        byte[] json = "{\"x\": [1], \"rootfs\": {\"type\":\"layers\", \"ids\": [\"a\", {}], \"z\":1}, \"ids\":[2]}"
                .getBytes(StandardCharsets.UTF_8);
        assertThat(JsonCopy.withTexts(json, "rootfs", "ids", List.of("b", "c")))
                .asString()
                .isEqualTo(
                        "{\"x\": [1], \"rootfs\": {\"type\":\"layers\", \"ids\":[\"b\",\"c\"], \"z\":1}, \"ids\":[2]}");
        assertThatThrownBy(() -> JsonCopy.withTexts(json, "rootfs", "none", List.of()))
                .hasMessageContaining("it has no none");
    }
}
