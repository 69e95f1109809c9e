package dev.cay.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * Reads arguments and environment variables as UTF-8 whatever the locale is.
 *
 * <p>In the C locale, which is what most containers and CI machines have, Java replaces every byte above 127 of them by
 * U+FFFD. The kernel still has the bytes.
 */
final class NativeText {
    private static final char REPLACED = '\uFFFD';
    private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");
    private static final Path ENVIRONMENT = Path.of("/proc/self/environ");

    private NativeText() {}

    static String[] arguments(String[] decoded) {
        for (String argument : decoded) {
            if (argument.indexOf(REPLACED) >= 0) {
                return lastOf(read(COMMAND_LINE), decoded);
            }
        }
        return decoded;
    }

    /** The arguments of the program are the last ones of the Java virtual machine. */
    static String[] lastOf(String[] commandLine, String[] decoded) {
        int first = commandLine.length - decoded.length;
        return first < 0 ? decoded : Arrays.copyOfRange(commandLine, first, commandLine.length);
    }

    static Optional<String> variable(String name) {
        String value = System.getenv(name);
        if (value == null || value.indexOf(REPLACED) < 0) {
            return Optional.ofNullable(value);
        }
        return Optional.of(valueIn(read(ENVIRONMENT), name).orElse(value));
    }

    static Optional<String> valueIn(String[] environment, String name) {
        String prefix = name + "=";
        for (String variable : environment) {
            if (variable.startsWith(prefix)) {
                return Optional.of(variable.substring(prefix.length()));
            }
        }
        return Optional.empty();
    }

    private static String[] read(Path file) {
        try {
            return split(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
        } catch (IOException e) {
            return new String[0];
        }
    }

    /** Splits at NUL characters, the last of which ends the last text. */
    static String[] split(String texts) {
        int count = 0;
        for (int i = 0; i < texts.length(); i++) {
            count += texts.charAt(i) == '\0' ? 1 : 0;
        }
        String[] split = new String[count];
        int start = 0;
        for (int i = 0; i < count; i++) {
            int end = texts.indexOf('\0', start);
            split[i] = texts.substring(start, end);
            start = end + 1;
        }
        return split;
    }
}
