package dev.cay.cli;

import dev.cay.Mount;
import dev.cay.Size;
import java.util.Optional;

/** Reads the values of {@code --volume} and {@code --tmpfs}. */
final class MountValues {
    private static final String VOLUME_HINT = "write SOURCE:TARGET, and behind it :ro, :rw or :noexec if you like";
    private static final int STANDARD_MODE = 01777;
    private static final int OCTAL = 8;
    private static final int MAXIMUM_OCTAL_DIGITS = 5;

    private MountValues() {}

    /**
     * Reads {@code SOURCE:TARGET[:ro|rw|noexec]}.
     *
     * @param anywhere whether any path of this machine will do
     */
    static Mount volume(String text, boolean anywhere) {
        int first = text.indexOf(':');
        int second = first < 0 ? -1 : text.indexOf(':', first + 1);
        String source = first < 0 ? text : text.substring(0, first);
        String target = first < 0 ? "" : text.substring(first + 1, second < 0 ? text.length() : second);
        if (source.isEmpty() || target.isEmpty()) {
            throw Values.refuse(RunOptions.VOLUME, "'" + text + "' does not name a source and a target", VOLUME_HINT);
        }
        boolean readOnly = false;
        boolean executable = true;
        int start = second < 0 ? text.length() + 1 : second + 1;
        while (start <= text.length()) {
            int end = separator(text, start);
            switch (text.substring(start, end)) {
                case "ro" -> readOnly = true;
                case "rw" -> readOnly = false;
                case "noexec" -> executable = false;
                default ->
                    throw Values.refuse(
                            RunOptions.VOLUME,
                            "'" + text.substring(start, end) + "' is not a way to mount",
                            "write ro, rw or noexec");
            }
            start = end + 1;
        }
        if (source.startsWith("/") || source.startsWith(".")) {
            return new Mount.Bind(Values.path(RunOptions.VOLUME, source), target, readOnly, executable, anywhere);
        }
        if (!executable) {
            throw Values.refuse(
                    RunOptions.VOLUME,
                    "the named volume '" + source + "' cannot be mounted noexec",
                    "leave it out; for a directory of this machine write ./" + source);
        }
        return new Mount.Named(source, target, readOnly);
    }

    /** Reads {@code PATH[:SIZE][:MODE]}, also as {@code PATH:size=SIZE,mode=MODE}. */
    static Mount tmpfs(String text) {
        int colon = text.indexOf(':');
        String path = colon < 0 ? text : text.substring(0, colon);
        Optional<String> size = Optional.empty();
        Optional<String> mode = Optional.empty();
        int start = colon < 0 ? text.length() + 1 : colon + 1;
        while (start <= text.length()) {
            int end = separator(text, start);
            String part = text.substring(start, end);
            if (part.startsWith("size=")) {
                size = Optional.of(part.substring("size=".length()));
            } else if (part.startsWith("mode=")) {
                mode = Optional.of(part.substring("mode=".length()));
            } else if (size.isEmpty()) {
                size = Optional.of(part);
            } else if (mode.isEmpty()) {
                mode = Optional.of(part);
            } else {
                throw Values.refuse(RunOptions.TMPFS, "'" + part + "' is one too many", "write PATH:SIZE:MODE");
            }
            start = end + 1;
        }
        Size bytes = size.isPresent() ? Values.size(RunOptions.TMPFS, size.get()) : Mount.DEFAULT_TMPFS;
        return new Mount.Tmpfs(path, bytes, mode.isPresent() ? mode(mode.get()) : STANDARD_MODE);
    }

    private static int separator(String text, int start) {
        int end = start;
        while (end < text.length() && text.charAt(end) != ':' && text.charAt(end) != ',') {
            end++;
        }
        return end;
    }

    private static int mode(String text) {
        boolean octal = !text.isEmpty() && text.length() <= MAXIMUM_OCTAL_DIGITS;
        for (int i = 0; i < text.length(); i++) {
            octal &= text.charAt(i) >= '0' && text.charAt(i) <= '7';
        }
        if (!octal) {
            throw Values.refuse(
                    RunOptions.TMPFS, "'" + text + "' is not a mode", "write it in octal, such as 1777 or 755");
        }
        return Integer.parseInt(text, OCTAL);
    }
}
