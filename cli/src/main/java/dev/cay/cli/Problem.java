package dev.cay.cli;

import dev.cay.SandboxException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Something that went wrong, for a person or a program to read.
 *
 * @param code a stable name if Cay has failed; empty if it was the command
 * @param message what, and why
 * @param hint what to do about it; empty if there is nothing to be said
 */
record Problem(String code, String message, String hint) {
    /** A variable that, set to anything but nothing, shows where an error comes from. */
    static final String DEBUG = "CAY_DEBUG";

    private static final String INTERNAL = "internal";

    static Problem ofCommand(String message, String hint) {
        return new Problem("", message, hint);
    }

    static Problem of(Throwable failure, boolean debug) {
        String message = Optional.ofNullable(failure.getMessage()).orElse("no message");
        if (failure instanceof SandboxException known) {
            return new Problem(known.code(), message, known.hint());
        }
        if (failure instanceof UsageException usage) {
            return new Problem(UsageException.CODE, message, usage.hint());
        }
        if (failure instanceof OutputFailure) {
            return new Problem("host-failed", message, "");
        }
        if (failure instanceof OutOfMemoryError) {
            return new Problem(INTERNAL, "cay is out of memory", "lower --output-limit");
        }
        String hint = debug ? "please report this with the stack trace" : "set " + DEBUG + "=1 for the stack trace";
        return new Problem(INTERNAL, failure.getClass().getSimpleName() + ": " + message, hint);
    }

    String text() {
        String start = code.isEmpty() ? "cay: " : "cay: error [" + code + "]: ";
        String end = hint.isEmpty() ? "" : "hint: " + printable(hint) + "\n";
        return start + printable(message) + "\n" + end;
    }

    String json() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            new Json(out)
                    .begin()
                    .begin("error")
                    .field("code", code)
                    .field("message", message)
                    .field("hint", hint)
                    .end()
                    .end();
        } catch (IOException e) {
            throw new UncheckedIOException("memory cannot be written to", e);
        }
        return out.toString(StandardCharsets.UTF_8) + "\n";
    }

    /** Names of files and programs get into messages; a terminal shall obey none of them. */
    static String printable(String text) {
        StringBuilder printable = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char character = text.charAt(i);
            if (Character.isISOControl(character)) {
                printable.append("\\x");
                printable.append(Character.forDigit(character >> 4, 16));
                printable.append(Character.forDigit(character & 0xF, 16));
            } else {
                printable.append(character);
            }
        }
        return printable.toString();
    }
}
