package dev.cay.cli;

import java.time.Duration;

/** Durations as they are typed: {@code 500ms}, {@code 10s}, {@code 1.5m}, {@code 2h}, or seconds without a unit. */
final class Durations {
    private static final long MILLISECOND = 1_000_000;
    private static final long SECOND = 1_000 * MILLISECOND;
    private static final long MINUTE = 60 * SECOND;
    private static final long HOUR = 60 * MINUTE;

    /** That many digits of the longest unit still fit into a long. */
    private static final int MAXIMUM_FRACTION = 6;

    private Durations() {}

    /**
     * @throws IllegalArgumentException if the text is no duration
     */
    static Duration parse(String text) {
        int end = skipDigits(text, 0);
        int fraction = end < text.length() && text.charAt(end) == '.' ? end + 1 : end;
        int unit = skipDigits(text, fraction);
        boolean digits = end > 0 && (fraction == end || unit > fraction);
        long nanos = nanos(text.substring(unit));
        if (!digits || nanos == 0 || unit - fraction > MAXIMUM_FRACTION) {
            throw new IllegalArgumentException("'" + text + "' is not a duration");
        }
        try {
            long whole = Math.multiplyExact(Long.parseLong(text.substring(0, end)), nanos);
            return Duration.ofNanos(Math.addExact(whole, part(text.substring(fraction, unit), nanos)));
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is longer than any duration can be", e);
        }
    }

    private static int skipDigits(String text, int start) {
        int end = start;
        while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return end;
    }

    private static long nanos(String unit) {
        return switch (unit) {
            case "", "s" -> SECOND;
            case "ms" -> MILLISECOND;
            case "m" -> MINUTE;
            case "h" -> HOUR;
            default -> 0;
        };
    }

    private static long part(String digits, long nanos) {
        long scale = 1;
        for (int i = 0; i < digits.length(); i++) {
            scale *= 10;
        }
        return digits.isEmpty() ? 0 : Long.parseLong(digits) * nanos / scale;
    }

    /** The duration in the largest unit that needs no fraction, as {@link #parse} reads it. */
    static String text(Duration duration) {
        long nanos = duration.toNanos();
        if (nanos == 0) {
            return "0s";
        }
        if (nanos % HOUR == 0) {
            return nanos / HOUR + "h";
        }
        if (nanos % MINUTE == 0) {
            return nanos / MINUTE + "m";
        }
        if (nanos % SECOND == 0) {
            return nanos / SECOND + "s";
        }
        if (nanos % MILLISECOND == 0) {
            return nanos / MILLISECOND + "ms";
        }
        // The leading 1 keeps the zeros in front of the fraction.
        String fraction = Long.toString(MILLISECOND + nanos % MILLISECOND).substring(1);
        return nanos / MILLISECOND + "." + fraction + "ms";
    }
}
