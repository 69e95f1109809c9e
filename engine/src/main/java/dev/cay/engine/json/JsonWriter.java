package dev.cay.engine.json;

import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Writes one JSON object on one line of ASCII: everything else is escaped, so that any Java string, halves of surrogate pairs
 * included, is read again as it was. What is empty is left out. Not thread-safe.
 */
public final class JsonWriter {
    private final StringBuilder out = new StringBuilder();
    private boolean first = true;

    private JsonWriter() {}

    /** The object with these fields. */
    public static String object(Consumer<JsonWriter> fields) {
        JsonWriter writer = new JsonWriter();
        writer.braces(fields);
        return writer.out.toString();
    }

    public JsonWriter field(String name, String value) {
        name(name);
        quote(value);
        return this;
    }

    public JsonWriter field(String name, long value) {
        name(name);
        out.append(value);
        return this;
    }

    public JsonWriter field(String name, boolean value) {
        name(name);
        out.append(value);
        return this;
    }

    public JsonWriter field(String name, Optional<String> value) {
        value.ifPresent(present -> field(name, present));
        return this;
    }

    public JsonWriter field(String name, OptionalLong value) {
        value.ifPresent(present -> field(name, present));
        return this;
    }

    /** The number must be finite. */
    public JsonWriter field(String name, OptionalDouble value) {
        value.ifPresent(present -> {
            name(name);
            out.append(present);
        });
        return this;
    }

    public JsonWriter object(String name, Consumer<JsonWriter> fields) {
        name(name);
        braces(fields);
        return this;
    }

    public <T> JsonWriter object(String name, Optional<T> value, BiConsumer<JsonWriter, T> form) {
        value.ifPresent(present -> object(name, writer -> form.accept(writer, present)));
        return this;
    }

    public <T> JsonWriter objects(String name, Collection<T> values, BiConsumer<JsonWriter, T> form) {
        return array(name, values, value -> braces(writer -> form.accept(writer, value)));
    }

    public JsonWriter texts(String name, Collection<String> values) {
        return array(name, values, this::quote);
    }

    /** Writes an array of names and values in turn: a name may be longer than a field's can be. */
    public JsonWriter map(String name, Map<String, String> map) {
        return array(name, map.entrySet(), entry -> {
            quote(entry.getKey());
            out.append(',');
            quote(entry.getValue());
        });
    }

    private <T> JsonWriter array(String name, Collection<T> values, Consumer<T> element) {
        name(name);
        out.append('[');
        String separator = "";
        for (T value : values) {
            out.append(separator);
            element.accept(value);
            separator = ",";
        }
        out.append(']');
        return this;
    }

    private void braces(Consumer<JsonWriter> fields) {
        out.append('{');
        first = true;
        fields.accept(this);
        first = false;
        out.append('}');
    }

    private void name(String name) {
        if (!first) {
            out.append(',');
        }
        first = false;
        quote(name);
        out.append(':');
    }

    private void quote(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c >= ' ' && c < 0x7F) {
                out.append(c);
            } else {
                out.append("\\u");
                for (int shift = 12; shift >= 0; shift -= 4) {
                    out.append(Character.forDigit(c >> shift & 0xF, 16));
                }
            }
        }
        out.append('"');
    }
}
