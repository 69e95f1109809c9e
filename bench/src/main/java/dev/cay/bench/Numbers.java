package dev.cay.bench;

import java.util.Locale;

/** How numbers are shown and stored. */
final class Numbers {
    private Numbers() {}

    /** Without decimals that say nothing: three digits after the point at the most. */
    static String text(double value) {
        double rounded = round(value, 3);
        return rounded == Math.rint(rounded)
                ? String.format(Locale.ROOT, "%.0f", rounded)
                : String.format(Locale.ROOT, "%.3f", rounded).replaceFirst("0+$", "");
    }

    static double round(double value, int decimals) {
        double scale = Math.pow(10, decimals);
        return Math.round(value * scale) / scale;
    }
}
