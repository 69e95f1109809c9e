package dev.cay;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Refuses what is out of range, before anything is done. */
final class Check {
    /** The longest text that a field may hold: what execve(2) takes as one argument. */
    static final int MAXIMUM_TEXT = 128 * 1024 - 1;

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
}
