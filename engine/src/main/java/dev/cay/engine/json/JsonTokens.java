package dev.cay.engine.json;

import dev.cay.SandboxException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The tokens of a JSON text, one after the other: RFC 8259 and nothing beyond it, no name twice in an object, and a bounded depth.
 * Halves of surrogate pairs are let pass. Not thread-safe.
 *
 * <p>It is our own because it is on the way of {@code cay exec} and {@code cay run IMAGE}: Jackson's parser initializes {@link
 * java.math.BigDecimal}, which computes tables first, 10 ms of a cold JVM.
 */
final class JsonTokens {
    /** What stands at a place of the text. */
    enum Token {
        OBJECT,
        OBJECT_END,
        ARRAY,
        ARRAY_END,
        NAME,
        TEXT,
        WHOLE,
        DECIMAL,
        TRUE,
        FALSE,
        NULL,
        END
    }

    private static final int MAXIMUM_DIGITS = 1000;
    private static final int HEXADECIMAL = 16;
    private static final int UNICODE_DIGITS = 4;

    private final char[] json;
    private final String name;
    private final String hint;
    private final int maximumDepth;
    private final List<Level> levels = new ArrayList<>();
    private Token token = Token.END;
    private String content = "";
    private int at;
    private int begin;

    /** An object or an array that has not ended. */
    private static final class Level {
        private final boolean object;
        private final Set<String> names = new HashSet<>();
        private boolean begun;

        private Level(boolean object) {
            this.object = object;
        }
    }

    /**
     * @param name what the text is, for messages
     * @param hint what to do if it is wrong
     */
    JsonTokens(String json, String name, String hint, int maximumDepth) {
        this.json = json.toCharArray();
        this.name = name;
        this.hint = hint;
        this.maximumDepth = maximumDepth;
    }

    /** The token that {@link #next} has come to. */
    Token token() {
        return token;
    }

    /** What a name or a text says, or a number as it is written. */
    String content() {
        return content;
    }

    /**
     * Goes on to the next token.
     *
     * @throws SandboxException.InvalidSpec if there is none, with the place
     */
    Token next() {
        boolean named = token == Token.NAME;
        space();
        begin = at;
        if (named) {
            require(':');
            space();
            token = value();
        } else if (levels.isEmpty()) {
            token = at == json.length ? Token.END : value();
        } else {
            token = within(levels.getLast());
        }
        return token;
    }

    private Token within(Level level) {
        if (peek() == (level.object ? '}' : ']')) {
            at++;
            levels.removeLast();
            return level.object ? Token.OBJECT_END : Token.ARRAY_END;
        }
        if (level.begun) {
            require(',');
            space();
        }
        level.begun = true;
        if (!level.object) {
            return value();
        }
        begin = at;
        require('"');
        content = text();
        if (!level.names.add(content)) {
            throw malformed("the field " + JsonReader.shown(content) + " stands there twice");
        }
        return Token.NAME;
    }

    /** Passes over the current value, whatever it is. */
    void skip() {
        int depth = levels.size();
        if (token == Token.OBJECT || token == Token.ARRAY) {
            while (levels.size() >= depth) {
                next();
            }
        }
    }

    private Token value() {
        begin = at;
        switch (peek()) {
            case '{' -> {
                return enter(true);
            }
            case '[' -> {
                return enter(false);
            }
            case '"' -> {
                at++;
                content = text();
                return Token.TEXT;
            }
            case 't' -> {
                return word("true", Token.TRUE);
            }
            case 'f' -> {
                return word("false", Token.FALSE);
            }
            case 'n' -> {
                return word("null", Token.NULL);
            }
            default -> {
                return number();
            }
        }
    }

    private Token enter(boolean object) {
        if (levels.size() == maximumDepth) {
            throw malformed("its depth is more than " + maximumDepth);
        }
        at++;
        levels.add(new Level(object));
        return object ? Token.OBJECT : Token.ARRAY;
    }

    private Token word(String word, Token meaning) {
        for (int i = 0; i < word.length(); i++) {
            require(word.charAt(i));
        }
        return meaning;
    }

    private Token number() {
        if (peek() == '-') {
            at++;
        }
        if (peek() == '0') {
            at++;
        } else {
            digits();
        }
        boolean whole = true;
        if (peek() == '.') {
            at++;
            digits();
            whole = false;
        }
        if (peek() == 'e' || peek() == 'E') {
            at++;
            if (peek() == '+' || peek() == '-') {
                at++;
            }
            digits();
            whole = false;
        }
        if (at - begin > MAXIMUM_DIGITS) {
            throw malformed("a number has more than " + MAXIMUM_DIGITS + " digits");
        }
        content = new String(json, begin, at - begin);
        return whole ? Token.WHOLE : Token.DECIMAL;
    }

    private void digits() {
        if (peek() < '0' || peek() > '9') {
            throw unexpected();
        }
        while (peek() >= '0' && peek() <= '9') {
            at++;
        }
    }

    /** Reads up to the closing quotation mark. */
    private String text() {
        int from = at;
        while (peek() != '"' && peek() != '\\') {
            printable();
        }
        if (peek() == '"') {
            return new String(json, from, at++ - from);
        }
        StringBuilder text = new StringBuilder().append(json, from, at - from);
        while (peek() != '"') {
            text.append(peek() == '\\' ? escaped() : printable());
        }
        at++;
        return text.toString();
    }

    private char printable() {
        if (peek() < ' ') {
            throw at == json.length ? unexpected() : malformed("a control character is not escaped");
        }
        return json[at++];
    }

    private char escaped() {
        at++;
        char escape = peek();
        at++;
        return switch (escape) {
            case '"', '\\', '/' -> escape;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> unicode();
            default -> throw malformed(JsonReader.shown("\\" + escape) + " escapes nothing");
        };
    }

    private char unicode() {
        int value = 0;
        for (int i = 0; i < UNICODE_DIGITS; i++) {
            int digit = peek() < 0x80 ? Character.digit(peek(), HEXADECIMAL) : -1; // no digits of other scripts
            if (digit < 0) {
                throw unexpected();
            }
            value = value * HEXADECIMAL + digit;
            at++;
        }
        return (char) value;
    }

    private void space() {
        while (at < json.length && (json[at] == ' ' || json[at] == '\n' || json[at] == '\t' || json[at] == '\r')) {
            at++;
        }
    }

    /** The next character; NUL, which may stand nowhere, at the end. */
    private char peek() {
        return at < json.length ? json[at] : 0;
    }

    private void require(char expected) {
        if (peek() != expected) {
            throw unexpected();
        }
        at++;
    }

    private SandboxException unexpected() {
        return malformed(
                at >= json.length ? "it ends too soon" : "unexpected " + JsonReader.shown(String.valueOf(peek())));
    }

    private SandboxException malformed(String message) {
        return new SandboxException.InvalidSpec(
                name + " cannot be read as JSON: " + message + place(Math.min(at, json.length)), hint);
    }

    /** A text that is JSON, but says what it must not; the place is where the current token begins. */
    SandboxException refused(String message, String remedy) {
        return new SandboxException.InvalidSpec(name + ": " + message + place(begin), remedy);
    }

    private String place(int position) {
        int line = 1;
        int column = 1;
        for (int i = 0; i < position; i++) {
            column++;
            if (json[i] == '\n') {
                line++;
                column = 1;
            }
        }
        return " (line " + line + ", column " + column + ")";
    }

    /** The text before the current token. */
    String before() {
        return new String(json, 0, begin);
    }

    /** The text behind it. */
    String behind() {
        return new String(json, at, json.length - at);
    }
}
