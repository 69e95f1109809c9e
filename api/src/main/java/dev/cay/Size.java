package dev.cay;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A number of bytes.
 *
 * @param bytes 0 or more
 */
public record Size(long bytes) implements Comparable<Size> {
    private static final Pattern FORM =
            Pattern.compile("([0-9]{1,19})(?:b|([kmgt])(?:i?b)?)?", Pattern.CASE_INSENSITIVE);

    public Size {
        if (bytes < 0) {
            throw new IllegalArgumentException("a size cannot be negative: " + bytes);
        }
    }

    public static Size bytes(long bytes) {
        return new Size(bytes);
    }

    public static Size kib(long kib) {
        return new Size(Math.multiplyExact(kib, 1L << 10));
    }

    public static Size mib(long mib) {
        return new Size(Math.multiplyExact(mib, 1L << 20));
    }

    public static Size gib(long gib) {
        return new Size(Math.multiplyExact(gib, 1L << 30));
    }

    /**
     * Reads {@code 4096}, {@code 64k}, {@code 256m}, {@code 2g}, {@code 1t}, also as {@code 256M}, {@code 256MiB}; every
     * unit is a power of 1024.
     *
     * @throws IllegalArgumentException if the text is anything else
     */
    public static Size parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a size: write 4096, 64k, 256m or 2g");
        }
        String unit = matcher.group(2);
        int shift = unit == null ? 0 : 10 * " kmgt".indexOf(unit.toLowerCase(Locale.ROOT));
        try {
            return new Size(Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << shift));
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is larger than any size can be", e);
        }
    }

    @Override
    public int compareTo(Size other) {
        return Long.compare(bytes, other.bytes);
    }

    /** The largest unit that fits without a fraction, as {@link #parse} reads it. */
    @Override
    public String toString() {
        String[] units = {"", "k", "m", "g", "t"};
        int unit = 0;
        long value = bytes;
        while (unit < units.length - 1 && value != 0 && value % 1024 == 0) {
            value /= 1024;
            unit++;
        }
        return value + units[unit];
    }
}
