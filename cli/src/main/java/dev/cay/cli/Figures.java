package dev.cay.cli;

import java.time.Duration;

/** Numbers for people, short and not exact. */
final class Figures {
    private static final String UNITS = " kmgt";
    private static final int UNIT = 1024;
    private static final int TEN = 10;

    private Figures() {}

    /** A number of bytes with at most one digit behind the point: {@code 12}, {@code 1.5k}, {@code 320m}. */
    static String bytes(long bytes) {
        long tenths = bytes > Long.MAX_VALUE / TEN ? Long.MAX_VALUE : bytes * TEN;
        int unit = 0;
        while (tenths >= UNIT * TEN && unit < UNITS.length() - 1) {
            tenths /= UNIT;
            unit++;
        }
        String whole = Long.toString(tenths / TEN);
        boolean fraction = unit > 0 && tenths < 100 && tenths % TEN != 0;
        return whole + (fraction ? "." + tenths % TEN : "") + (unit == 0 ? "" : UNITS.charAt(unit));
    }

    /** A time span in its largest unit: {@code 5s}, {@code 12m}, {@code 3h}, {@code 40d}. */
    static String age(Duration duration) {
        long seconds = Math.max(0, duration.toSeconds());
        if (seconds < 60) {
            return seconds + "s";
        }
        if (seconds < 3600) {
            return seconds / 60 + "m";
        }
        if (seconds < 86_400) {
            return seconds / 3600 + "h";
        }
        return seconds / 86_400 + "d";
    }

    /** A number of tenths with its point. */
    static String tenths(long tenths) {
        return tenths / TEN + "." + tenths % TEN;
    }
}
