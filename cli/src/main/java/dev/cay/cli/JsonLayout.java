package dev.cay.cli;

/** Lays out JSON for reading. */
final class JsonLayout {
    private static final String INDENT = "  ";

    private JsonLayout() {}

    /** The same JSON, which must be valid and without blanks, with a line for each value. */
    static String indent(String json) {
        StringBuilder text = new StringBuilder(2 * json.length());
        int depth = 0;
        boolean quoted = false;
        for (int i = 0; i < json.length(); i++) {
            char character = json.charAt(i);
            if (quoted) {
                text.append(character);
                if (character == '\\') {
                    text.append(json.charAt(++i));
                }
                quoted = character != '"';
                continue;
            }
            switch (character) {
                case '{', '[' -> {
                    boolean empty = json.charAt(i + 1) == '}' || json.charAt(i + 1) == ']';
                    text.append(character);
                    if (empty) {
                        text.append(json.charAt(++i));
                    } else {
                        newLine(text, ++depth);
                    }
                }
                case '}', ']' -> {
                    newLine(text, --depth);
                    text.append(character);
                }
                case ',' -> {
                    text.append(character);
                    newLine(text, depth);
                }
                case ':' -> text.append(": ");
                default -> {
                    text.append(character);
                    quoted = character == '"';
                }
            }
        }
        return text.toString();
    }

    private static void newLine(StringBuilder text, int depth) {
        text.append('\n').append(INDENT.repeat(depth));
    }
}
