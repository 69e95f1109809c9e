package dev.cay.engine.kernels;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an uncompressed kernel says of itself in texts that it prints.
 *
 * @param release its version
 * @param acpi whether it knows ACPI, by which it finds its devices and switches the machine off
 */
record KernelText(Optional<String> release, boolean acpi) {
    /** How a kernel begins the text that names its version (init/version-timestamp.c). */
    private static final Pattern BANNER = Pattern.compile("Linux version ([0-9][A-Za-z0-9.+~_-]{0,63}) \\(");

    /** What it says when it begins with ACPI (drivers/acpi/acpica/utxfinit.c and bus.c). */
    private static final String ACPI = "ACPI: Core revision";

    private static final int OVERLAP = 256;

    static KernelText of(Path vmlinux) throws IOException {
        Optional<String> release = Optional.empty();
        boolean acpi = false;
        byte[] window = new byte[1 << 20];
        int kept = 0;
        try (var in = Files.newInputStream(vmlinux)) {
            for (int count = in.readNBytes(window, 0, window.length);
                    count > 0;
                    count = in.readNBytes(window, kept, window.length - kept)) {
                int length = kept + count;
                String text = new String(window, 0, length, StandardCharsets.ISO_8859_1);
                acpi |= text.contains(ACPI);
                Matcher banner = BANNER.matcher(text);
                if (release.isEmpty() && banner.find()) {
                    release = Optional.of(Release.check(banner.group(1)));
                }
                kept = Math.min(OVERLAP, length);
                System.arraycopy(window, length - kept, window, 0, kept);
            }
        }
        return new KernelText(release, acpi);
    }
}
