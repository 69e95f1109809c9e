package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How a registry wants to be told who asks: an element of WWW-Authenticate, RFC 9110 section 11.6.1.
 *
 * @param scheme in lower case, as in {@code bearer}
 * @param parameters their names in lower case
 */
record Challenge(String scheme, Map<String, String> parameters) {
    private static final int MAXIMUM = 16 * 1024;

    Challenge {
        requireNonNull(scheme, "scheme is null");
        parameters = Map.copyOf(parameters);
    }

    /** Reads a header; what it has that cannot be understood is passed over. */
    static List<Challenge> parse(String header) {
        List<Challenge> challenges = new ArrayList<>();
        if (header.length() <= MAXIMUM) {
            Scanner scanner = new Scanner(header);
            while (scanner.more()) {
                String scheme = scanner.word();
                if (scheme.isEmpty()) {
                    scanner.pass();
                    continue;
                }
                challenges.add(new Challenge(scheme.toLowerCase(Locale.ROOT), scanner.parameters()));
            }
        }
        return challenges;
    }

    private static final class Scanner {
        private final String text;
        private int position;

        Scanner(String text) {
            this.text = text;
        }

        boolean more() {
            while (position < text.length() && (isBlank() || text.charAt(position) == ',')) {
                position++;
            }
            return position < text.length();
        }

        private boolean isBlank() {
            return text.charAt(position) == ' ' || text.charAt(position) == '\t';
        }

        void pass() {
            position++;
        }

        String word() {
            int start = position;
            while (position < text.length() && " \t,=\"".indexOf(text.charAt(position)) < 0) {
                position++;
            }
            return text.substring(start, position);
        }

        /** Names and values, until something that is no such pair: another scheme. */
        Map<String, String> parameters() {
            Map<String, String> all = new HashMap<>();
            while (more()) {
                int start = position;
                String name = word();
                if (position >= text.length() || text.charAt(position) != '=' || name.isEmpty()) {
                    position = start;
                    return all;
                }
                position++;
                all.putIfAbsent(name.toLowerCase(Locale.ROOT), value());
            }
            return all;
        }

        private String value() {
            if (position >= text.length() || text.charAt(position) != '"') {
                return word();
            }
            StringBuilder value = new StringBuilder();
            position++;
            while (position < text.length() && text.charAt(position) != '"') {
                if (text.charAt(position) == '\\' && position + 1 < text.length()) {
                    position++;
                }
                value.append(text.charAt(position));
                position++;
            }
            position++;
            return value.toString();
        }
    }
}
