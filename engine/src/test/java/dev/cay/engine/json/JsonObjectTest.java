package dev.cay.engine.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

final class JsonObjectTest {
    private static <T> T read(String json, Function<JsonObject, T> form) {
        return JsonObject.read(json, "text", "write another", form);
    }

    private static void refused(String json, Function<JsonObject, ?> form, String message) {
        assertThatThrownBy(() -> read(json, form))
                .isInstanceOfSatisfying(
                        SandboxException.InvalidSpec.class,
                        e -> assertThat(e.hint()).isEqualTo("write another"))
                .hasMessageContaining(message);
    }

    @Test
    void whatIsWrittenIsRead() {
        Map<String, String> map = new LinkedHashMap<>();
        map.put("z=", "1");
        map.put("a", "");
        String json = JsonWriter.object(out -> out.field("text", "a\"\\\n\u0000\u007fä\ud800")
                .field("number", Long.MIN_VALUE)
                .field("flag", true)
                .field("none", Optional.empty())
                .field("noNumber", OptionalLong.empty())
                .field("decimal", OptionalDouble.of(0.1))
                .object("object", fields -> fields.field("a", 1).object("b", inner -> {}))
                .objects("objects", List.of(1, 2), (fields, n) -> fields.field("n", n))
                .texts("texts", List.of("x", "y"))
                .map("map", map)
                .field("last", false));

        assertThat(json).matches("[ -~]+");
        read(json, in -> {
            assertThat(in.text("text")).isEqualTo("a\"\\\n\u0000\u007fä\ud800");
            assertThat(in.number("number", Long.MIN_VALUE, 0)).isEqualTo(Long.MIN_VALUE);
            assertThat(in.flag("flag")).isTrue();
            assertThat(in.optionalText("none")).isEmpty();
            assertThat(in.optionalNumber("noNumber", 0, 1)).isEmpty();
            assertThat(in.optionalDecimal("decimal")).hasValue(0.1);
            assertThat(in.<Long>object("object", object -> {
                        object.object("b", inner -> inner);
                        return object.number("a", 0, 1);
                    }))
                    .isOne();
            assertThat(in.objects("objects", object -> object.number("n", 0, 9)))
                    .containsExactly(1L, 2L);
            assertThat(in.texts("texts")).containsExactly("x", "y");
            assertThat(in.map("map")).isEqualTo(map).hasToString(map.toString());
            return in.flag("last");
        });
    }

    @Test
    void whatNobodyAsksForIsRefused() {
        refused("{\"a\":1,\"b\":{}}", in -> in.number("a", 0, 9), "unknown field 'b' in the object");
        refused("{\"a\":{\"c\":1}}", in -> in.object("a", fields -> 0), "unknown field 'c' in a");
    }

    @Test
    void whatIsMissingOrOfAnotherFormIsRefused() {
        refused("{}", in -> in.text("a"), "the object has no a");
        refused("{\"a\":null}", in -> in.text("a"), "the object has no a");
        refused("{}", in -> in.number("a", 0, 1), "the object has no a");
        refused("{\"a\":1}", in -> in.text("a"), "a is not a string");
        refused("{\"a\":1.5}", in -> in.number("a", 0, 9), "a is not a whole number");
        refused("{\"a\":10}", in -> in.number("a", 0, 9), "a is not a number from 0 to 9");
        refused("{\"a\":9223372036854775808}", in -> in.number("a", 0, 9), "a is beyond 64 bits");
        refused("{\"a\":1}", in -> in.flag("a"), "a is not true or false");
        refused("{\"a\":[1]}", in -> in.texts("a"), "an element of a is not a string");
        refused("{\"a\":[\"x\"]}", in -> in.map("a"), "the last name of a has no value");
        refused("{\"a\":[\"x\",\"1\",\"x\",\"2\"]}", in -> in.map("a"), "a has 'x' twice");
        refused("{\"a\":[null]}", in -> in.texts("a"), "an element of a is nothing that can be read");
        refused("{\"a\":1,\"a\":1}", in -> in.number("a", 0, 1), "cannot be read as JSON");
        refused("{\"a\":1}{}", in -> in.number("a", 0, 1), "something follows the object");
        refused("[]", in -> 0, "the text is not an object");
        refused("{\"a\":".repeat(100_000), in -> 0, "cannot be read as JSON");
    }

    @Test
    void anyTextIsReadAgain() {
        long seed = Long.getLong("cay.seed", new Random().nextLong());
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            char[] text = new char[random.nextInt(20)];
            for (int j = 0; j < text.length; j++) {
                text[j] = (char) random.nextInt(random.nextBoolean() ? 0x100 : 0x10000);
            }
            String value = new String(text);
            String json = JsonWriter.object(out -> out.field("value", value));
            String again = read(json, in -> in.text("value"));
            assertThat(again).as("-Dcay.seed=" + seed).isEqualTo(value);
        }
    }
}
