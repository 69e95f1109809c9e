package dev.cay.engine.json;

import dev.cay.SandboxException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads JSON that is not to be trusted, value by value: no tree is built, so memory is bounded by what the caller
 * keeps, and only the caller's own nesting is followed. A field that is null counts as absent, as it does for Docker. A
 * field twice is an error: readers differ in which of the two counts. Whatever is wrong is an {@link
 * SandboxException.InvalidSpec} that names the place. Not thread-safe.
 */
public final class JsonReader implements AutoCloseable {
    private static final int LONG_BITS = 64;
    private static final int SHOWN = 40;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            // Names would go to a table that outlives the text.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    private final JsonParser parser;
    private final String name;
    private final String hint;

    /**
     * @param name what the text is, for messages
     * @param hint what to do if it is wrong
     */
    public JsonReader(String text, String name, String hint) {
        this(FACTORY, text, name, hint);
    }

    /** One that refuses what is nested deeper, also where it is passed over. */
    public static JsonReader bounded(String text, String name, String hint, int depth) {
        StreamReadConstraints constraints =
                StreamReadConstraints.builder().maxNestingDepth(depth).build();
        return new JsonReader(
                FACTORY.rebuild().streamReadConstraints(constraints).build(), text, name, hint);
    }

    private JsonReader(JsonFactory factory, String text, String name, String hint) {
        this.name = name;
        this.hint = hint;
        parser = factory.createParser(ObjectReadContext.empty(), text);
    }

    /** Reads the only value of the text, which must be an object. */
    public void document(Consumer<String> field) {
        next();
        object("the text", field);
        if (next() != null) {
            throw refused("something follows the object");
        }
    }

    /** Reads the only value of the text, which must be an array; {@code element} reads each element. */
    public <T> List<T> documents(Supplier<T> element) {
        next();
        List<T> elements = array("the text", element);
        if (next() != null) {
            throw refused("something follows the array");
        }
        return elements;
    }

    /** Reads the current value; {@code field} gets each name, and reads the value that follows. */
    public void object(String what, Consumer<String> field) {
        expect(JsonToken.START_OBJECT, what, "an object");
        while (next() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            if (next() != JsonToken.VALUE_NULL) {
                field.accept(name);
            }
        }
    }

    /** Reads the current value; {@code element} reads each element. */
    public <T> List<T> array(String what, Supplier<T> element) {
        expect(JsonToken.START_ARRAY, what, "an array");
        List<T> elements = new ArrayList<>();
        while (next() != JsonToken.END_ARRAY) {
            elements.add(element.get());
        }
        return elements;
    }

    /** Passes over the current value, whatever it is. */
    public void skip() {
        try {
            parser.skipChildren();
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    /** Whether the current value is a string. */
    public boolean isText() {
        return parser.currentToken() == JsonToken.VALUE_STRING;
    }

    /** Reads the current value, an object of which only the names count. */
    public List<String> names(String what) {
        List<String> names = new ArrayList<>();
        expect(JsonToken.START_OBJECT, what, "an object");
        while (next() == JsonToken.PROPERTY_NAME) {
            names.add(parser.currentName());
            next();
            skip();
        }
        return names;
    }

    /** Reads the current value. */
    public List<String> texts(String what) {
        return array(what, () -> text("an element of " + what));
    }

    /** Reads the current value. */
    public String text(String what) {
        expect(JsonToken.VALUE_STRING, what, "a string");
        try {
            return parser.getString();
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    /** Reads the current value. */
    public boolean flag(String what) {
        if (parser.currentToken() != JsonToken.VALUE_TRUE && parser.currentToken() != JsonToken.VALUE_FALSE) {
            throw refused(what + " is not true or false");
        }
        return parser.currentToken() == JsonToken.VALUE_TRUE;
    }

    /** Reads the current value, an unsigned number of 64 bits. */
    public long unsigned(String what) {
        expect(JsonToken.VALUE_NUMBER_INT, what, "a whole number");
        BigInteger number;
        try {
            number = parser.getBigIntegerValue();
        } catch (JacksonException e) {
            throw malformed(e);
        }
        if (number.signum() < 0 || number.bitLength() > LONG_BITS) {
            throw refused(what + " is not a number from 0 to 2^64-1");
        }
        return number.longValue();
    }

    /** Reads the current value, a number from 0 to {@code maximum}. */
    public int number(String what, int maximum) {
        long number = unsigned(what);
        if (Long.compareUnsigned(number, maximum) > 0) {
            throw refused(what + " is not a number from 0 to " + maximum);
        }
        return (int) number;
    }

    /** Reads the current value, whatever it is; objects become a {@link JsonObject}. */
    Object value(String what) {
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> fields = new LinkedHashMap<>();
                object(what, field -> fields.put(field, value(field)));
                yield new JsonObject(name, what, hint, fields);
            }
            case START_ARRAY -> array(what, () -> value("an element of " + what));
            case VALUE_STRING -> text(what);
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> decimal(what);
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> throw refused(what + " is nothing that can be read");
        };
    }

    private Number decimal(String what) {
        try {
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_FLOAT) {
                return parser.getDoubleValue();
            }
            BigInteger number = parser.getBigIntegerValue();
            if (number.bitLength() >= LONG_BITS) {
                throw refused(what + " is beyond 64 bits");
            }
            return number.longValue();
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    /** A text that is JSON, but says what it must not; the place is where reading has come to. */
    public SandboxException refused(String message) {
        return refused(message, hint);
    }

    public SandboxException refused(String message, String hint) {
        return new SandboxException.InvalidSpec(name + ": " + message + at(parser.currentTokenLocation()), hint);
    }

    /** A piece of the text, fit for a message. */
    public static String shown(String text) {
        String start = text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
        return "'" + start.replaceAll("\\p{Cntrl}", "?") + "'";
    }

    @Override
    public void close() {
        parser.close();
    }

    private void expect(JsonToken token, String what, String form) {
        if (parser.currentToken() != token) {
            throw refused(what + " is not " + form);
        }
    }

    private JsonToken next() {
        try {
            return parser.nextToken();
        } catch (JacksonException e) {
            throw malformed(e);
        }
    }

    private SandboxException malformed(JacksonException e) {
        return new SandboxException.InvalidSpec(
                name + " cannot be read as JSON: " + shown(e.getOriginalMessage()) + at(parser.currentLocation()),
                hint);
    }

    private static String at(TokenStreamLocation location) {
        return " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
    }
}
