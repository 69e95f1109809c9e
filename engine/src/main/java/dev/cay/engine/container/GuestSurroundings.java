package dev.cay.engine.container;

import static java.util.Objects.requireNonNull;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What commands find in a guest without having asked for it.
 *
 * @param variables that they have, unless they have others of these names
 * @param programs a directory that comes first in their PATH
 */
public record GuestSurroundings(Map<String, String> variables, Optional<String> programs) {
    public GuestSurroundings {
        variables = Map.copyOf(variables);
        requireNonNull(programs, "programs is null");
    }

    /** Nothing. */
    public static GuestSurroundings none() {
        return new GuestSurroundings(Map.of(), Optional.empty());
    }

    Map<String, String> around(Map<String, String> environment) {
        Map<String, String> all = new LinkedHashMap<>(variables);
        all.putAll(environment);
        programs.ifPresent(directory -> all.merge("PATH", directory, (path, first) -> first + ":" + path));
        return all;
    }
}
