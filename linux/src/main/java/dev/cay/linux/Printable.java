package dev.cay.linux;

import java.nio.charset.StandardCharsets;

/** Text from elsewhere, for a message: what could move a terminal's cursor is not passed on. */
public final class Printable {
    private static final char DELETE = 0x7F;

    private Printable() {}

    /** The text with a question mark for each control character of ASCII. Without a regular expression, which takes a cold JVM 2 ms. */
    public static String text(String text) {
        StringBuilder changed = null;
        for (int i = 0; i < text.length(); i++) {
            char character = text.charAt(i);
            if (character < ' ' || character == DELETE) {
                if (changed == null) {
                    changed = new StringBuilder(text);
                }
                changed.setCharAt(i, '?');
            }
        }
        return changed == null ? text : changed.toString();
    }

    /** The same of bytes, which should be UTF-8. */
    public static String text(byte[] bytes) {
        return text(new String(bytes, StandardCharsets.UTF_8));
    }
}
