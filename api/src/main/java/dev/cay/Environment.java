package dev.cay;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** Checks and copies environment variables, keeping their order. */
final class Environment {
    private Environment() {}

    static Map<String, String> copyOf(Map<String, String> variables) {
        Map<String, String> copy = new LinkedHashMap<>();
        variables.forEach((name, value) -> {
            Check.text("the environment variable name '" + name + "'", name);
            Check.that(
                    !name.isEmpty() && name.indexOf('=') < 0,
                    "'" + name + "' cannot name an environment variable",
                    "no = in it, and not empty");
            copy.put(name, Check.text("the environment variable " + name, value));
        });
        return Collections.unmodifiableMap(copy);
    }
}
