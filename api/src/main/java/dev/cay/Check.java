package dev.cay;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Refuses what is out of range, before anything is done. */
final class Check {
    /** The longest text that a field may hold: what execve(2) takes as one argument. */
    static final int MAXIMUM_TEXT = 128 * 1024 - 1;

    /** What every sandbox has of its own; nothing is mounted there or below. */
    static final List<String> RESERVED = List.of("/dev", "/proc", "/sys");

    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}");

    private Check() {}

    static void that(boolean condition, String message, String hint) {
        if (!condition) {
            throw new SandboxException.InvalidSpec(message, hint);
        }
    }

    /** A text that becomes a C string. */
    static String text(String what, String text) {
        that(
                text.indexOf('\0') < 0,
                what + " contains a NUL character",
                "remove it: no Linux program could receive it");
        that(
                text.getBytes(StandardCharsets.UTF_8).length <= MAXIMUM_TEXT,
                what + " is longer than " + MAXIMUM_TEXT + " bytes",
                "pass it by stdin or a file");
        return text;
    }

    /** A path inside a sandbox. */
    static String absolutePath(String what, String path) {
        text(what, path);
        that(path.startsWith("/"), what + " '" + path + "' is not absolute", "begin it with /");
        that(path.length() < 4096, what + " is longer than a path can be", "4095 characters is the kernel's limit");
        return path;
    }

    /** A path of the host. */
    static Path hostPath(String what, Path path) {
        absolutePath(what, path.toString());
        for (Path name : path) {
            that(!name.toString().equals(".."), what + " '" + path + "' contains ..", "give the path without it");
        }
        return path;
    }

    /** A name that people give: of a sandbox, of a volume. */
    static String name(String what, String name) {
        that(
                NAME.matcher(name).matches(),
                what + " '" + name + "' cannot be one",
                "letters, digits, _, . and -, at most 64, the first a letter or a digit");
        return name;
    }

    /** The path without empty components and dots; one with .. is refused, since it means nothing before links are known. */
    static String normalized(String path) {
        StringBuilder normalized = new StringBuilder();
        for (String name : path.split("/")) {
            that(!name.equals(".."), "the path '" + path + "' contains ..", "give the path without it");
            if (!name.isEmpty() && !name.equals(".")) {
                normalized.append('/').append(name);
            }
        }
        return normalized.isEmpty() ? "/" : normalized.toString();
    }
}
