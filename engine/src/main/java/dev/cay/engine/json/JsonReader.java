package dev.cay.engine.json;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonTokens.Token;
import dev.cay.linux.Printable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Reads JSON that is not to be trusted, value by value: no tree is built, so memory is bounded by what the caller
 * keeps, and only the caller's own nesting is followed. A field that is null counts as absent, as it does for Docker. A
 * field twice is an error: readers differ in which of the two counts. Whatever is wrong is an {@link
 * SandboxException.InvalidSpec} that names the place. Not thread-safe.
 */
public final class JsonReader {
    static final int MAXIMUM_DEPTH = 500;

    private static final int SHOWN = 40;

    private final JsonTokens tokens;
    private final String name;
    private final String hint;

    /**
     * @param name what the text is, for messages
     * @param hint what to do if it is wrong
     */
    public JsonReader(String text, String name, String hint) {
        this(text, name, hint, MAXIMUM_DEPTH);
    }

    /** One that refuses what is nested deeper, also where it is passed over. */
    public static JsonReader bounded(String text, String name, String hint, int depth) {
        return new JsonReader(text, name, hint, depth);
    }

    private JsonReader(String text, String name, String hint, int depth) {
        this.name = name;
        this.hint = hint;
        tokens = new JsonTokens(text, name, hint, depth);
    }

    /** Reads the only value of the text, which must be an object. */
    public void document(Consumer<String> field) {
        tokens.next();
        object("the text", field);
        if (tokens.next() != Token.END) {
            throw refused("something follows the object");
        }
    }

    /** Reads the only value of the text, which must be an array; {@code element} reads each element. */
    public <T> List<T> documents(Supplier<T> element) {
        tokens.next();
        List<T> elements = array("the text", element);
        if (tokens.next() != Token.END) {
            throw refused("something follows the array");
        }
        return elements;
    }

    /** Reads the current value; {@code field} gets each name, and reads the value that follows. */
    public void object(String what, Consumer<String> field) {
        expect(Token.OBJECT, what, "an object");
        while (tokens.next() == Token.NAME) {
            String name = tokens.content();
            if (tokens.next() != Token.NULL) {
                field.accept(name);
            }
        }
    }

    /** Reads the current value; {@code element} reads each element. */
    public <T> List<T> array(String what, Supplier<T> element) {
        expect(Token.ARRAY, what, "an array");
        List<T> elements = new ArrayList<>();
        while (tokens.next() != Token.ARRAY_END) {
            elements.add(element.get());
        }
        return elements;
    }

    /** Passes over the current value, whatever it is. */
    public void skip() {
        tokens.skip();
    }

    /** Whether the current value is a string. */
    public boolean isText() {
        return tokens.token() == Token.TEXT;
    }

    /** Reads the current value, an object of which only the names count. */
    public List<String> names(String what) {
        List<String> names = new ArrayList<>();
        expect(Token.OBJECT, what, "an object");
        while (tokens.next() == Token.NAME) {
            names.add(tokens.content());
            tokens.next();
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
        expect(Token.TEXT, what, "a string");
        return tokens.content();
    }

    /** Reads the current value. */
    public boolean flag(String what) {
        if (tokens.token() != Token.TRUE && tokens.token() != Token.FALSE) {
            throw refused(what + " is not true or false");
        }
        return tokens.token() == Token.TRUE;
    }

    /** Reads the current value, an unsigned number of 64 bits. */
    public long unsigned(String what) {
        expect(Token.WHOLE, what, "a whole number");
        try {
            return Long.parseUnsignedLong(tokens.content());
        } catch (NumberFormatException e) {
            throw refused(what + " is not a number from 0 to 2^64-1");
        }
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
        return switch (tokens.token()) {
            case OBJECT -> {
                Map<String, Object> fields = new LinkedHashMap<>();
                object(what, field -> fields.put(field, value(field)));
                yield new JsonObject(name, what, hint, fields);
            }
            case ARRAY -> array(what, () -> value("an element of " + what));
            case TEXT -> text(what);
            case WHOLE -> whole(what);
            case DECIMAL -> Double.parseDouble(tokens.content());
            case TRUE -> true;
            case FALSE -> false;
            case OBJECT_END, ARRAY_END, NAME, NULL, END -> throw refused(what + " is nothing that can be read");
        };
    }

    private long whole(String what) {
        try {
            return Long.parseLong(tokens.content());
        } catch (NumberFormatException e) {
            throw refused(what + " is beyond 64 bits");
        }
    }

    /** A text that is JSON, but says what it must not; the place is where reading has come to. */
    public SandboxException refused(String message) {
        return refused(message, hint);
    }

    public SandboxException refused(String message, String hint) {
        return tokens.refused(message, hint);
    }

    /** A piece of the text, fit for a message. */
    public static String shown(String text) {
        String start = text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
        return "'" + Printable.text(start) + "'";
    }

    private void expect(Token token, String what, String form) {
        if (tokens.token() != token) {
            throw refused(what + " is not " + form);
        }
    }
}
