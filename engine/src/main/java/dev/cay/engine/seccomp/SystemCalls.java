package dev.cay.engine.seccomp;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.cay.linux.Architecture;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;

/** The system calls of one architecture: numbers by name and names by number. */
final class SystemCalls {
    private static final String RESOURCE = "system-calls.txt";

    private final Map<String, Integer> numbers = new HashMap<>();
    private final TreeMap<Integer, String> names = new TreeMap<>();

    private SystemCalls(Architecture architecture) {
        try (InputStream stream = SystemCalls.class.getResourceAsStream(RESOURCE)) {
            if (stream == null) {
                throw new IllegalStateException(RESOURCE + " is missing from this build of Cay");
            }
            BufferedReader reader = new BufferedReader(new InputStreamReader(stream, US_ASCII));
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!line.startsWith("#")) {
                    add(line.split(" "), architecture);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE, e);
        }
    }

    private void add(String[] columns, Architecture architecture) {
        String number = switch (architecture) {
            case X86_64 -> columns[1];
            case AARCH64 -> columns[2];
        };
        if (!number.equals("-")) {
            numbers.put(columns[0], Integer.valueOf(number));
            names.put(Integer.valueOf(number), columns[0]);
        }
    }

    /** The table of an architecture, read when it is first asked for. */
    static SystemCalls of(Architecture architecture) {
        return switch (architecture) {
            case X86_64 -> X86.TABLE;
            case AARCH64 -> Arm.TABLE;
        };
    }

    /** The number of a call; empty if the architecture, or our table, has no such call. */
    OptionalInt number(String name) {
        Integer number = numbers.get(name);
        return number == null ? OptionalInt.empty() : OptionalInt.of(number);
    }

    /** The name of a call; empty if the architecture, or our table, has no such call. */
    Optional<String> name(int number) {
        return Optional.ofNullable(names.get(number));
    }

    /** All calls, in the order of their numbers. */
    SortedMap<Integer, String> byNumber() {
        return Collections.unmodifiableSortedMap(names);
    }

    private static final class X86 {
        static final SystemCalls TABLE = new SystemCalls(Architecture.X86_64);
    }

    private static final class Arm {
        static final SystemCalls TABLE = new SystemCalls(Architecture.AARCH64);
    }
}
