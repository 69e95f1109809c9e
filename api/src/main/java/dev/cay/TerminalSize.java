package dev.cay;

/**
 * The size of a terminal, in characters.
 *
 * @param columns 1 to 65535
 * @param rows 1 to 65535
 */
public record TerminalSize(int columns, int rows) {
    /** What a terminal has that nobody told its size. */
    public static final TerminalSize STANDARD = new TerminalSize(80, 24);

    private static final int MAXIMUM = 65_535;

    public TerminalSize {
        Check.that(
                columns >= 1 && columns <= MAXIMUM && rows >= 1 && rows <= MAXIMUM,
                "a terminal of " + columns + " x " + rows + " characters cannot be",
                "1 to 65535 columns and rows");
    }
}
