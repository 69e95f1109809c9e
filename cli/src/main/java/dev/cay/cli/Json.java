package dev.cay.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Writes one JSON object as UTF-8. All control characters are escaped, C1 included, so a terminal can show the result.
 *
 * <p>It writes straight to the stream, so that an output of a gigabyte is never in memory twice.
 */
final class Json {
    private static final int FIRST_C1_LEAD = 0xC2;

    private final OutputStream out;
    private boolean first = true;

    Json(OutputStream out) {
        this.out = out;
    }

    Json begin() throws IOException {
        separate();
        return open('{');
    }

    Json begin(String name) throws IOException {
        return name(name).open('{');
    }

    Json end() throws IOException {
        return close('}');
    }

    Json beginArray(String name) throws IOException {
        return name(name).open('[');
    }

    Json endArray() throws IOException {
        return close(']');
    }

    /** An element of an array. */
    Json element(String value) throws IOException {
        separate();
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        text(utf8, utf8.length);
        return this;
    }

    /** An array of texts. */
    Json field(String name, List<String> values) throws IOException {
        beginArray(name);
        for (String value : values) {
            element(value);
        }
        return endArray();
    }

    /** An object of texts. */
    Json field(String name, Map<String, String> values) throws IOException {
        begin(name);
        for (Map.Entry<String, String> value : values.entrySet()) {
            field(value.getKey(), value.getValue());
        }
        return end();
    }

    /** A number with digits behind its point, or any other that is one as it stands. */
    Json number(String name, String digits) throws IOException {
        name(name);
        ascii(digits);
        return this;
    }

    private Json open(char bracket) throws IOException {
        out.write(bracket);
        first = true;
        return this;
    }

    private Json close(char bracket) throws IOException {
        out.write(bracket);
        first = false;
        return this;
    }

    Json field(String name, String value) throws IOException {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        return field(name, utf8, utf8.length);
    }

    /** Writes the first bytes of an array, which must be valid UTF-8, as a text. */
    Json field(String name, byte[] utf8, int length) throws IOException {
        name(name);
        text(utf8, length);
        return this;
    }

    Json field(String name, long value) throws IOException {
        name(name);
        ascii(Long.toString(value));
        return this;
    }

    Json field(String name, boolean value) throws IOException {
        name(name);
        ascii(Boolean.toString(value));
        return this;
    }

    private void separate() throws IOException {
        if (!first) {
            out.write(',');
        }
        first = false;
    }

    private Json name(String name) throws IOException {
        separate();
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        text(utf8, utf8.length);
        out.write(':');
        return this;
    }

    private void text(byte[] utf8, int length) throws IOException {
        out.write('"');
        int plain = 0;
        for (int i = 0; i < length; i++) {
            int unit = utf8[i] & 0xFF;
            int size = 1;
            if (unit == FIRST_C1_LEAD && i + 1 < length && (utf8[i + 1] & 0xFF) < 0xA0) {
                unit = utf8[i + 1] & 0xFF;
                size = 2;
            } else if (unit >= ' ' && unit != '"' && unit != '\\' && unit != 0x7F) {
                continue;
            }
            out.write(utf8, plain, i - plain);
            escape(unit);
            i += size - 1;
            plain = i + 1;
        }
        out.write(utf8, plain, length - plain);
        out.write('"');
    }

    private void escape(int character) throws IOException {
        switch (character) {
            case '"' -> ascii("\\\"");
            case '\\' -> ascii("\\\\");
            case '\n' -> ascii("\\n");
            case '\r' -> ascii("\\r");
            case '\t' -> ascii("\\t");
            default -> {
                ascii("\\u00");
                out.write(Character.forDigit(character >> 4, 16));
                out.write(Character.forDigit(character & 0xF, 16));
            }
        }
    }

    private void ascii(String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.US_ASCII));
    }
}
