package dev.cay.engine.json;

import dev.cay.SandboxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * An object of a JSON text, read strictly: a field that is missing or of another form is refused, and so is one that nobody has
 * asked for, as it may be what gives the others their meaning. Each field is read once. Not thread-safe.
 *
 * <p>The whole text is in memory. For texts of ours, of which the size is known.
 */
public final class JsonObject {
    private final String document;
    private final String what;
    private final String hint;
    private final Map<String, Object> fields;

    JsonObject(String document, String what, String hint, Map<String, Object> fields) {
        this.document = document;
        this.what = what;
        this.hint = hint;
        this.fields = fields;
    }

    /**
     * Reads a text whose only value is an object.
     *
     * @param name what the text is, for messages
     * @param hint what to do if it is wrong
     * @param form makes something of the object's fields, of all of them
     * @throws SandboxException.InvalidSpec if it is no JSON, or of another form
     */
    public static <T> T read(String text, String name, String hint, Function<JsonObject, T> form) {
        Map<String, Object> fields = new LinkedHashMap<>();
        JsonReader reader = new JsonReader(text, name, hint);
        reader.document(field -> fields.put(field, reader.value(field)));
        return new JsonObject(name, "the object", hint, fields).read(form);
    }

    public String text(String field) {
        return required(field, optionalText(field));
    }

    public Optional<String> optionalText(String field) {
        return take(field, String.class, "a string");
    }

    public boolean flag(String field) {
        return required(field, take(field, Boolean.class, "true or false"));
    }

    /** False if the field is missing. */
    public boolean optionalFlag(String field) {
        return take(field, Boolean.class, "true or false").orElse(false);
    }

    public long number(String field, long minimum, long maximum) {
        OptionalLong number = optionalNumber(field, minimum, maximum);
        if (number.isEmpty()) {
            throw missing(field);
        }
        return number.getAsLong();
    }

    public OptionalLong optionalNumber(String field, long minimum, long maximum) {
        Optional<Long> number = take(field, Long.class, "a whole number");
        number.ifPresent(value -> {
            if (value < minimum || value > maximum) {
                throw refused(field + " is not a number from " + minimum + " to " + maximum);
            }
        });
        return number.map(OptionalLong::of).orElse(OptionalLong.empty());
    }

    public OptionalDouble optionalDecimal(String field) {
        return take(field, Number.class, "a number")
                .map(number -> OptionalDouble.of(number.doubleValue()))
                .orElse(OptionalDouble.empty());
    }

    public <T> T object(String field, Function<JsonObject, T> form) {
        return required(field, optionalObject(field, form));
    }

    public <T> Optional<T> optionalObject(String field, Function<JsonObject, T> form) {
        return take(field, JsonObject.class, "an object").map(object -> object.read(form));
    }

    public <T> List<T> objects(String field, Function<JsonObject, T> form) {
        List<T> objects = new ArrayList<>();
        for (JsonObject object : elements(field, JsonObject.class, "an object")) {
            objects.add(object.read(form));
        }
        return objects;
    }

    public List<String> texts(String field) {
        return elements(field, String.class, "a string");
    }

    /** None if the field is missing. */
    public List<String> optionalTexts(String field) {
        return fields.containsKey(field) ? texts(field) : List.of();
    }

    /** Reads what {@link JsonWriter#map} has written. */
    public Map<String, String> map(String field) {
        List<String> texts = texts(field);
        if (texts.size() % 2 != 0) {
            throw refused("the last name of " + field + " has no value");
        }
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < texts.size(); i += 2) {
            if (map.put(texts.get(i), texts.get(i + 1)) != null) {
                throw refused(field + " has " + JsonReader.shown(texts.get(i)) + " twice");
            }
        }
        return map;
    }

    /** An object that says what it must not. */
    public SandboxException refused(String message) {
        return new SandboxException.InvalidSpec(document + ": " + message, hint);
    }

    private <T> T read(Function<JsonObject, T> form) {
        T value = form.apply(this);
        if (!fields.isEmpty()) {
            throw refused("unknown field "
                    + JsonReader.shown(fields.keySet().iterator().next()) + " in " + what);
        }
        return value;
    }

    private <T> Optional<T> take(String field, Class<T> type, String form) {
        Object value = fields.remove(field);
        if (value != null && !type.isInstance(value)) {
            throw refused(field + " is not " + form);
        }
        return Optional.ofNullable(type.cast(value));
    }

    private <T> List<T> elements(String field, Class<T> type, String form) {
        List<T> elements = new ArrayList<>();
        for (Object element : required(field, take(field, List.class, "an array"))) {
            if (!type.isInstance(element)) {
                throw refused("an element of " + field + " is not " + form);
            }
            elements.add(type.cast(element));
        }
        return elements;
    }

    private <T> T required(String field, Optional<T> value) {
        return value.orElseThrow(() -> missing(field));
    }

    private SandboxException missing(String field) {
        return refused(what + " has no " + field);
    }
}
