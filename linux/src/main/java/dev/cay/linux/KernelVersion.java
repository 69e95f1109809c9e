package dev.cay.linux;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of Linux, as far as anybody asks for it. */
public record KernelVersion(int major, int minor) implements Comparable<KernelVersion> {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,4})\\.([0-9]{1,4})(?:[.+-].*)?");

    /** Reads {@code 6.18}, {@code 6.18.5-amd64}; empty if the text is anything else. */
    public static Optional<KernelVersion> parse(String text) {
        Matcher matcher = FORM.matcher(text);
        return matcher.matches()
                ? Optional.of(new KernelVersion(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))))
                : Optional.empty();
    }

    /** The kernel that this process runs on; empty if its version is in no known form. */
    public static Optional<KernelVersion> running() {
        return parse(System.getProperty("os.version"));
    }

    @Override
    public int compareTo(KernelVersion other) {
        return major == other.major ? Integer.compare(minor, other.minor) : Integer.compare(major, other.major);
    }

    @Override
    public String toString() {
        return major + "." + minor;
    }
}
