package dev.cay.engine.state;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What contents of files say, so that what has been read, or written, before need not be parsed again. Files are compared whole: who
 * has changed one does not matter. Thread-safe.
 */
final class ParsedFiles<T> {
    /** More than sandboxes of one machine are on networks, as a rule. */
    private static final int MAXIMUM = 1024;

    private final Map<String, T> values = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, T> eldest) {
            return size() > MAXIMUM;
        }
    };

    synchronized void put(String content, T value) {
        values.put(content, value);
    }

    T of(String content, Supplier<T> parser) {
        synchronized (this) {
            T known = values.get(content);
            if (known != null) {
                return known;
            }
        }
        T parsed = parser.get();
        put(content, parsed);
        return parsed;
    }
}
