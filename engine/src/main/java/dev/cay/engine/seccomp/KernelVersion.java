package dev.cay.engine.seccomp;

import dev.cay.SandboxException;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of Linux, as far as profiles ask for it. */
record KernelVersion(int major, int minor) implements Comparable<KernelVersion> {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,4})\\.([0-9]{1,4})(?:[.+-].*)?");
    private static final Comparator<KernelVersion> ORDER =
            Comparator.comparingInt(KernelVersion::major).thenComparingInt(KernelVersion::minor);

    /** Reads {@code 6.18}, {@code 6.18.5-amd64}. */
    static Optional<KernelVersion> parse(String text) {
        Matcher matcher = FORM.matcher(text);
        return matcher.matches()
                ? Optional.of(new KernelVersion(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))))
                : Optional.empty();
    }

    /** The kernel that this process runs on. */
    static KernelVersion running() {
        String version = System.getProperty("os.version");
        return parse(version)
                .orElseThrow(() -> new SandboxException.Unsupported(
                        "this kernel's version is " + version, "Cay compares profiles with versions such as 6.18"));
    }

    @Override
    public int compareTo(KernelVersion other) {
        return ORDER.compare(this, other);
    }
}
